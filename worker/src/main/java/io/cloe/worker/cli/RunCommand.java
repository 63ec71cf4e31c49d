package io.cloe.worker.cli;

import io.cloe.worker.admin.AdminService;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.kafka.WorkerParts;
import io.cloe.worker.kafka.WorkerProcess;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code cloe run}. */
@Command(
        name = "run",
        description = "Runs a worker until it is stopped (Ctrl-C or SIGTERM).",
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class RunCommand implements Callable<Integer> {

    private static final Duration START_PATIENCE = Duration.ofMinutes(10);

    @Mixin
    private SettingsOptions settings;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        WorkerConfig config = settings.worker();
        // Until the worker is up there is nothing to hand over, and a graph may be running on trial.
        StopSignal.endAtOnce();
        AdminService service = AdminService.start(config, WorkerParts.plain());
        WorkerProcess worker = service.worker();
        StopSignal.onStop(service::close);
        PrintWriter out = spec.commandLine().getOut();
        if (worker.awaitRunning(START_PATIENCE)) {
            service.address().ifPresent(address -> out.println("cloe: review page at " + address));
            out.println("cloe: running as " + config.applicationId());
            out.flush();
        }
        try {
            worker.ended().get();
            return ExitCode.OK;
        } catch (ExecutionException e) {
            spec.commandLine()
                    .getErr()
                    .println("cloe: stopped by " + e.getCause().getClass().getSimpleName() + "; see the log");
            return ExitCode.FAILED;
        } finally {
            service.close();
        }
    }
}
