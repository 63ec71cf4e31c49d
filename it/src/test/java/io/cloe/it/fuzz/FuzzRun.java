package io.cloe.it.fuzz;

import io.cloe.it.tools.JavaProcess;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;

/** One target under Jazzer, in a process of its own, for a given time. */
public final class FuzzRun {

    private static final String JAZZER = "com.code_intelligence.jazzer.Jazzer";

    private static final String DETECTORS = "com.code_intelligence.jazzer.sanitizers";

    /** No input is slow: one that takes this long stands for a hang. */
    private static final int SECONDS_PER_INPUT = 20;

    private static final int LONGEST_INPUT = 1 << 14;

    private FuzzRun() {}

    /**
     * How long a search goes on.
     *
     * @param limit as an argument of libFuzzer
     * @param patience after which it hangs
     */
    public record Effort(String limit, Duration patience) {

        /** For a time. */
        public static Effort of(Duration time) {
            return new Effort(
                    "-max_total_time=" + Math.max(1, time.toSeconds()), time.plusSeconds(9 * SECONDS_PER_INPUT));
        }

        /** For a number of inputs, however long they take. */
        public static Effort ofInputs(int inputs) {
            return new Effort("-runs=" + inputs, Waiting.PATIENCE);
        }
    }

    /**
     * Searches.
     *
     * @param target one of {@link FuzzTargets#names()}
     * @param folder empty; afterwards it holds {@code corpus}, and {@code violations} if there are any
     * @param effort when it ends
     * @param seed of what is random; the search is also led by time, so that a seed repeats its beginning only
     * @throws IOException if files cannot be written
     */
    public static FuzzSummary run(String target, Path folder, Effort effort, long seed) throws IOException {
        Path corpus = Files.createDirectories(folder.resolve("corpus"));
        copy(corpus(target), corpus);
        List<String> options = List.of(
                "-Xmx1g",
                "-Dcloe.repository=" + Repository.root(),
                "-D" + FuzzProcess.TARGET + "=" + target,
                "-D" + FuzzProcess.FOLDER + "=" + folder,
                "-Dlogback.configurationFile=" + Repository.root().resolve("it/src/test/resources/logback-test.xml"));
        List<String> arguments = List.of(
                "--target_class=" + FuzzProcess.class.getName(),
                "--instrumentation_includes=io.cloe.worker.**:io.cloe.topology.**:io.cloe.schemas.serde.**",
                // Jazzer's own detectors take a target's sockets and files for attacks: they look at no class.
                "--custom_hook_includes=none.**",
                "--disabled_hooks=" + DETECTORS + ".ServerSideRequestForgery:" + DETECTORS + ".FilePathTraversal:"
                        + DETECTORS + ".RegexInjection:" + DETECTORS + ".RegexRoadblocks",
                "--reproducer_path=" + folder,
                "-artifact_prefix=" + folder + "/",
                effort.limit(),
                "-timeout=" + SECONDS_PER_INPUT,
                "-max_len=" + LONGEST_INPUT,
                // The heap is the limit. libFuzzer's own counts the largest size that the process which started it ever
                // had.
                "-rss_limit_mb=0",
                "-seed=" + seed,
                "-print_final_stats=1",
                corpus.toString());
        try (JavaProcess process = JavaProcess.start(folder, "jazzer", options, JAZZER, arguments)) {
            int status = process.awaitExit(effort.patience());
            Path summary = folder.resolve("summary.properties");
            if (status != 0 || !Files.exists(summary)) {
                List<String> said = process.errorLines();
                throw new AssertionError("Jazzer ended with " + status + " for " + target + ":\n"
                        + String.join("\n", said.subList(Math.max(0, said.size() - 40), said.size())));
            }
            return FuzzSummary.read(summary);
        }
    }

    /** The inputs that a search of a target starts from. */
    static Path corpus(String target) {
        return Repository.root().resolve("it/src/test/resources/fuzz").resolve(target);
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.list(from)) {
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(file.getFileName().toString()));
            }
        }
    }
}
