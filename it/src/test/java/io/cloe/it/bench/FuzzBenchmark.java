package io.cloe.it.bench;

import io.cloe.it.fuzz.FuzzRun;
import io.cloe.it.fuzz.FuzzSummary;
import io.cloe.it.fuzz.FuzzTargets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import picocli.CommandLine.Option;

/** Whether anything that comes from outside makes the worker do what it promises not to. */
final class FuzzBenchmark implements Benchmark {

    private static final String ROW = "%-14s %10s %10s %7s %10s %14s %11s%n";

    @Option(names = "--seconds", description = "Time for all targets together. Default: ${DEFAULT-VALUE}.")
    private int seconds = 120;

    @Option(names = "--only", paramLabel = "NAME", description = "Only this target.")
    private String only;

    @Option(
            names = "--keep",
            paramLabel = "FOLDER",
            description = "Where corpora and violations stay. Default: they are deleted.")
    private Path keep;

    @Override
    public String name() {
        return "fuzz";
    }

    @Override
    public String measures() {
        return "inputs that end in anything but use or a typed refusal, within the memory they may take";
    }

    @Override
    public Figure run(Session session) throws Exception {
        Path folder = keep == null ? session.folder() : Files.createDirectories(keep.toAbsolutePath());
        List<String> targets = only == null ? FuzzTargets.names() : List.of(only);
        Duration each = Duration.ofSeconds(seconds).dividedBy(targets.size());
        session.out().printf("%d seconds, %d per target%n", seconds, Math.max(1, each.toSeconds()));
        session.out().printf(ROW, "target", "inputs", "refused", "share", "violations", "most allocated", "of allowed");
        int violations = 0;
        for (String target : targets) {
            FuzzSummary summary = FuzzRun.run(
                    target, Files.createDirectories(folder.resolve(target)), FuzzRun.Effort.of(each), session.seed());
            session.out()
                    .printf(
                            ROW,
                            target,
                            summary.inputs(),
                            summary.refused(),
                            Math.round(100.0 * summary.refused() / Math.max(1, summary.inputs())) + " %",
                            summary.violations(),
                            (summary.largestAllocation() >> 10) + " KiB",
                            Math.round(100 * summary.largestShare()) + " %");
            session.out().flush();
            violations += summary.violations();
        }
        return Figure.atMost(name(), violations, "violations", 0);
    }
}
