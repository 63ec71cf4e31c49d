package io.cloe.it.faults;

import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.kafka.WorkerProcess;
import java.io.PrintStream;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** Runs a worker that tells of its steps, as the command line runs one that does not. */
final class WatchedWorker {

    private static final Duration START_PATIENCE = Duration.ofMinutes(5);

    private WatchedWorker() {}

    /**
     * Runs until the process is told to stop.
     *
     * @param settings each as {@code key=value}
     * @param passing called at every step, on the thread that takes it
     */
    static void run(List<String> settings, Consumer<Step> passing, PrintStream out) throws Exception {
        Map<String, String> given = new HashMap<>();
        for (String setting : settings) {
            String[] parts = setting.split("=", 2);
            given.put(parts[0], parts[1]);
        }
        WorkerConfig config = WorkerConfig.of(given);
        StandstillParts parts = new StandstillParts(passing, config.topics().segmentations());
        try (WorkerProcess worker = WorkerProcess.start(config, parts.parts())) {
            if (worker.awaitRunning(START_PATIENCE)) {
                out.println("cloe: running as " + config.applicationId());
            }
            worker.ended().get();
        }
    }
}
