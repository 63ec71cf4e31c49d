package io.cloe.it.tools;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The worker as an operator runs it: {@code cloe run -D...} in a process of its own. */
public final class WorkerJvm implements AutoCloseable {

    /** The command line's entry point. */
    public static final String MAIN = "io.cloe.standalone.StandaloneCommand";

    /** For a program that is to log as it does outside the tests, whose own settings come first on the class path. */
    public static final List<String> OPTIONS = Stream.concat(
                    JavaProcess.SHORT_LIVED.stream(), Stream.of("-Xmx1g", "-Dlogback.configurationFile=logback.xml"))
            .toList();

    private static final Pattern LOG_LINE = Pattern.compile("\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{3} .*");
    private static final Pattern LINE_OF_THE_RUNTIME = Pattern.compile("WARNING: .*");

    private final JavaProcess process;

    private WorkerJvm(JavaProcess process) {
        this.process = process;
    }

    /**
     * Starts a worker, which need not come up.
     *
     * @param folder for its output and temporary files; not for its state or masks, which the settings name
     */
    public static WorkerJvm launch(Path folder, Map<String, String> settings) {
        return launch(folder, settings, List.of());
    }

    private static WorkerJvm launch(Path folder, Map<String, String> settings, List<String> moreOptions) {
        List<String> options = new ArrayList<>(OPTIONS);
        options.addAll(moreOptions);
        List<String> arguments = new ArrayList<>();
        arguments.add("run");
        settings.forEach((key, value) -> arguments.add("-D" + key + "=" + value));
        return new WorkerJvm(JavaProcess.start(folder, "worker", options, MAIN, arguments));
    }

    /** Starts a worker and waits until it runs. */
    public static WorkerJvm start(Path folder, Map<String, String> settings) {
        return start(folder, settings, List.of());
    }

    /** Starts a worker with more options for its virtual machine, and waits until it runs. */
    public static WorkerJvm start(Path folder, Map<String, String> settings, List<String> moreOptions) {
        WorkerJvm worker = launch(folder, settings, moreOptions);
        worker.process.awaitOutput(line -> line.startsWith("cloe: running as "));
        return worker;
    }

    /** Its process. */
    public JavaProcess process() {
        return process;
    }

    /** Waits for a line of its log. */
    public void awaitLog(Predicate<String> line) {
        process.awaitErrors(line);
    }

    /** Its log so far. */
    public List<String> log() {
        return process.errorLines().stream()
                .filter(line -> LOG_LINE.matcher(line).matches())
                .toList();
    }

    /** What it said on standard error apart from its log, and apart from warnings of newer Java runtimes. */
    public List<String> said() {
        return process.errorLines().stream()
                .filter(line -> !LOG_LINE.matcher(line).matches()
                        && !LINE_OF_THE_RUNTIME.matcher(line).matches())
                .toList();
    }

    /** Kills it as {@code kill -9} does. */
    public void kill() {
        process.kill();
    }

    /** Stops it as SIGTERM does, and waits until it ended. */
    public int stop() {
        process.terminate();
        return process.awaitExit();
    }

    @Override
    public void close() {
        process.close();
    }
}
