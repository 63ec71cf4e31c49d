package io.cloe.it.tools;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/**
 * A Java program in a process of its own, on this process's class path. Its temporary files, output and errors lie in a folder of
 * its own, so that a killed one leaves nothing elsewhere. Never outlives this process.
 */
public final class JavaProcess implements AutoCloseable {

    /** For a virtual machine that ends before code compiled with more care would pay. */
    public static final List<String> SHORT_LIVED = List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC");

    private final String name;
    private final Process process;
    private final Path output;
    private final Path errors;
    private final Path temporary;
    private final Thread guard;

    private JavaProcess(String name, Process process, Path output, Path errors, Path temporary) {
        this.name = name;
        this.process = process;
        this.output = output;
        this.errors = errors;
        this.temporary = temporary;
        this.guard = new Thread(process::destroyForcibly, "end-" + name);
        Runtime.getRuntime().addShutdownHook(guard);
    }

    /**
     * Starts a program.
     *
     * @param folder where its temporary files and its output go; made if absent
     * @param name names the output files; a second start under the same name writes further files
     * @param options for the virtual machine
     * @param main name of the main class
     * @param arguments for the program
     */
    public static JavaProcess start(
            Path folder, String name, List<String> options, String main, List<String> arguments) {
        try {
            Path temporary = Files.createDirectories(folder.resolve("tmp"));
            Path output = Files.createTempFile(folder, name + "-", ".out");
            Path errors = output.resolveSibling(output.getFileName().toString().replaceFirst("\\.out$", ".err"));
            List<String> command = new ArrayList<>();
            command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
            command.add("-Djava.io.tmpdir=" + temporary);
            command.addAll(ClassArchive.options());
            command.addAll(options);
            command.add(main);
            command.addAll(arguments);
            ProcessBuilder builder =
                    new ProcessBuilder(command).redirectOutput(output.toFile()).redirectError(errors.toFile());
            Map<String, String> environment = builder.environment();
            // By environment, not by argument: the class path is longer than everything else together.
            environment.put("CLASSPATH", ClassArchive.classPath());
            // What is set where the tests run must not decide how the program under test behaves.
            environment.keySet().removeIf(key -> key.startsWith("CLOE_") || key.startsWith("JDK_JAVA_OPTIONS"));
            return new JavaProcess(name, builder.start(), output, errors, temporary);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Waits for a line of standard output; fails at once when the process ends before. */
    public void awaitOutput(Predicate<String> line) {
        await("a line on the standard output of " + name, () -> outputLines().stream()
                .anyMatch(line));
    }

    /** Waits for a line on standard error, which the log is part of; fails at once when the process ends before. */
    public void awaitErrors(Predicate<String> line) {
        await("a line on the standard error of " + name, () -> errorLines().stream()
                .anyMatch(line));
    }

    private void await(String what, java.util.concurrent.Callable<Boolean> condition) {
        Waiting.until(what).until(() -> {
            // Asked for before the condition: a process that ends right after saying the line has said it.
            boolean ended = !process.isAlive();
            if (condition.call()) {
                return true;
            }
            if (ended) {
                throw new AssertionError(name + " ended with " + process.exitValue() + " while waiting for " + what
                        + "\n" + String.join("\n", errorLines()));
            }
            return false;
        });
    }

    /** Standard output so far. */
    public List<String> outputLines() {
        return lines(output);
    }

    /** Standard error so far, with the log. */
    public List<String> errorLines() {
        return lines(errors);
    }

    private static List<String> lines(Path file) {
        try {
            return new String(Files.readAllBytes(file), StandardCharsets.UTF_8)
                    .lines()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Folder of its temporary files. */
    public Path temporaryFolder() {
        return temporary;
    }

    /** Processor time that it has used. */
    public Duration processorTime() {
        return process.info().totalCpuDuration().orElse(Duration.ZERO);
    }

    /** Processes that it started and that still live. */
    public List<ProcessHandle> children() {
        return process.descendants().toList();
    }

    /** Whether it runs. */
    public boolean isAlive() {
        return process.isAlive();
    }

    /** Kills it as {@code kill -9} does, and waits until it is gone. */
    public void kill() {
        process.destroyForcibly();
        awaitExit();
    }

    /** Asks it to end as SIGTERM does. */
    public void terminate() {
        process.destroy();
    }

    /** Makes it stand still, all of its threads, as a suspended virtual machine does. */
    public void suspend() {
        signal("STOP");
    }

    /** Lets it go on after {@link #suspend}. */
    public void resume() {
        signal("CONT");
    }

    private void signal(String name) {
        try {
            Process kill = new ProcessBuilder("kill", "-" + name, Long.toString(process.pid()))
                    .inheritIO()
                    .start();
            if (kill.waitFor() != 0) {
                throw new AssertionError("signal " + name + " did not reach " + this.name);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while sending a signal", e);
        }
    }

    /** Waits until it ended. */
    public int awaitExit() {
        return awaitExit(Waiting.PATIENCE);
    }

    /** Waits until it ended, for a given time. */
    public int awaitExit(Duration patience) {
        try {
            if (!process.waitFor(patience.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new AssertionError(name + " did not end\n" + String.join("\n", errorLines()));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while waiting for the end of " + name, e);
        }
        return process.exitValue();
    }

    @Override
    public void close() {
        kill();
        try {
            Runtime.getRuntime().removeShutdownHook(guard);
        } catch (IllegalStateException e) {
            // This process is ending: the guard does the same as this method.
            return;
        }
    }
}
