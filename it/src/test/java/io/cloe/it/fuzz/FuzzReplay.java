package io.cloe.it.fuzz;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/** The corpus of a target without a search: what was found once is not to come back. */
public final class FuzzReplay {

    private FuzzReplay() {}

    /**
     * Feeds a target its corpus.
     *
     * @param folder an empty folder for what it writes
     * @return what is wrong, by the input's file name; empty if nothing is
     */
    public static Map<String, Throwable> violations(String name, Path folder) throws Exception {
        Map<String, Throwable> violations = new TreeMap<>();
        try (FuzzTarget target = FuzzTargets.open(name, folder)) {
            Watch watch = new Watch(target);
            for (Path input : files(FuzzRun.corpus(name))) {
                Optional<Throwable> violation = watch.feed(Files.readAllBytes(input));
                violation.ifPresent(what -> violations.put(input.getFileName().toString(), what));
            }
            target.requireAlive();
        }
        return violations;
    }

    private static List<Path> files(Path folder) throws Exception {
        try (Stream<Path> files = Files.list(folder)) {
            return files.sorted().toList();
        }
    }
}
