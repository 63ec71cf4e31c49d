package io.cloe.standalone;

import io.cloe.worker.cli.ExitCode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code cloe broker}. */
@Command(
        name = "broker",
        description = "Runs one Kafka broker on loopback, to try things out. Not for production.",
        mixinStandardHelpOptions = true,
        usageHelpWidth = 120,
        footerHeading = "%nExamples:%n",
        footer = "  cloe broker --port 9092 --data /tmp/cloe-kafka")
final class BrokerCommand implements Callable<Integer> {

    @Option(names = "--port", defaultValue = "9092", description = "Port on 127.0.0.1; 0 takes a free one.")
    private int port;

    @Option(names = "--data", required = true, paramLabel = "DIR", description = "Folder for the broker's data; kept.")
    private Path data;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        Files.createDirectories(data);
        EmbeddedBroker broker = EmbeddedBroker.start(data.toAbsolutePath(), port);
        CountDownLatch stopped = new CountDownLatch(1);
        Runtime.getRuntime()
                .addShutdownHook(new Thread(
                        () -> {
                            broker.close();
                            stopped.countDown();
                        },
                        "cloe-broker-shutdown"));
        spec.commandLine().getOut().println("cloe: broker at " + broker.address());
        spec.commandLine().getOut().flush();
        stopped.await();
        return ExitCode.OK;
    }
}
