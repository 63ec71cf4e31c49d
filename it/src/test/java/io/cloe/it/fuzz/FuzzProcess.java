package io.cloe.it.fuzz;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/**
 * What Jazzer calls, in a process of its own. Violations are noted and the search goes on; only what ends the process, as a hang does,
 * ends it. System properties: {@code cloe.fuzz.target}, {@code cloe.fuzz.folder}.
 */
public final class FuzzProcess {

    static final String TARGET = "cloe.fuzz.target";
    static final String FOLDER = "cloe.fuzz.folder";

    private static final int MOST_VIOLATIONS = 100;
    private static final int FRAMES = 3;

    private static FuzzTarget target;
    private static Watch watch;
    private static Path folder;
    private static final Set<String> VIOLATIONS = new HashSet<>();

    private FuzzProcess() {}

    /** Called by Jazzer, once. */
    public static void fuzzerInitialize() throws Exception {
        folder = Path.of(System.getProperty(FOLDER));
        target = FuzzTargets.open(System.getProperty(TARGET), Files.createDirectories(folder.resolve("work")));
        watch = new Watch(target);
    }

    /** Called by Jazzer, for every input. */
    public static void fuzzerTestOneInput(byte[] input) throws IOException {
        Optional<Throwable> violation = watch.feed(input);
        if (violation.isPresent() && VIOLATIONS.size() < MOST_VIOLATIONS && VIOLATIONS.add(place(violation.get()))) {
            Path file = Files.createDirectories(folder.resolve("violations"))
                    .resolve(target.name() + "-" + VIOLATIONS.size());
            Files.write(file, input);
            Files.writeString(file.resolveSibling(file.getFileName() + ".txt"), text(violation.get()));
        }
    }

    /** Called by Jazzer, at the end. */
    public static void fuzzerTearDown() throws Exception {
        Optional<Throwable> dead = Optional.empty();
        try {
            target.requireAlive();
        } catch (ViolationException e) {
            dead = Optional.of(e);
            System.err.println(text(e));
        }
        watch.summary(VIOLATIONS.size() + (dead.isPresent() ? 1 : 0)).write(folder.resolve("summary.properties"));
        target.close();
    }

    /** Equal for violations that have one cause. */
    private static String place(Throwable violation) {
        StringBuilder place = new StringBuilder(violation.getClass().getName());
        if (violation instanceof ViolationException) {
            return place.append(violation.getMessage().replaceAll("[0-9]+", "N"))
                    .toString();
        }
        StackTraceElement[] frames = violation.getStackTrace();
        for (int i = 0; i < Math.min(FRAMES, frames.length); i++) {
            place.append(frames[i].getClassName()).append(frames[i].getMethodName());
        }
        return place.toString();
    }

    private static String text(Throwable violation) {
        StringWriter text = new StringWriter();
        violation.printStackTrace(new PrintWriter(text));
        return text.toString();
    }
}
