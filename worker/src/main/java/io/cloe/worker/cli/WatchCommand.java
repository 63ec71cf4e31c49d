package io.cloe.worker.cli;

import io.cloe.schemas.StudyFailure;
import io.cloe.worker.results.OutputReader;
import io.cloe.worker.results.OutputReader.Output;
import io.cloe.worker.results.RecordJson;
import io.cloe.worker.results.ResultPairing;
import io.cloe.worker.results.ResultTable;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Optional;
import org.apache.avro.specific.SpecificRecord;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code cloe watch}. */
@Command(
        name = "watch",
        description = "Prints results and failures as they are committed.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class WatchCommand extends WorkerCommand {

    private static final Duration POLL = Duration.ofMillis(500);

    @Option(names = "--from-beginning", description = "Start with what is there already.")
    private boolean fromBeginning;

    @Option(names = "--count", paramLabel = "N", description = "Stop after N results.")
    private Integer count;

    @Option(
            names = "--timeout",
            paramLabel = "DURATION",
            description = "Stop after this time, such as 5m; exit code 7 if fewer than --count came.")
    private String timeout;

    @Option(names = "--json", description = "One JSON object per record of every output topic, with its topic.")
    private boolean json;

    private final ResultPairing pairing = new ResultPairing();

    private int results;

    @Override
    public Integer call() throws Exception {
        PrintWriter out = spec.commandLine().getOut();
        long end = timeout == null
                ? Long.MAX_VALUE
                : System.nanoTime() + DurationOption.parse("--timeout", timeout).toNanos();
        try (OutputReader reader = new OutputReader(settings.client(), fromBeginning)) {
            if (!json) {
                out.print(ResultTable.header());
            }
            out.flush();
            while (System.nanoTime() < end && (count == null || results < count)) {
                for (Output output : reader.poll(POLL)) {
                    print(output, out);
                }
                out.flush();
            }
        }
        return count == null || results >= count ? ExitCode.OK : ExitCode.TIMEOUT;
    }

    private void print(Output output, PrintWriter out) {
        SpecificRecord value = output.value();
        Optional<ResultPairing.Result> result = pairing.add(value);
        results += result.isPresent() ? 1 : 0;
        if (json) {
            out.println(RecordJson.withTopic(output.topic(), value));
            return;
        }
        result.ifPresent(pair -> out.print(ResultTable.row(pair.segmentation(), pair.weights())));
        if (value instanceof StudyFailure failure) {
            out.printf(
                    "%s: %s%s%s%n",
                    failure.getStudyId(),
                    failure.getReason(),
                    failure.getModality() == null ? "" : " " + failure.getModality(),
                    failure.getRetriable() ? ", will be tried again" : "");
        }
    }
}
