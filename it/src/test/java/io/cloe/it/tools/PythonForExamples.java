package io.cloe.it.tools;

import java.io.File;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/**
 * A Python interpreter with what the examples need: fastavro and pydicom from the package index, the Kafka client from there or from the
 * system's packages.
 */
public final class PythonForExamples {

    private static final List<String> INTERPRETERS = List.of("/usr/bin/python3", "python3");

    private PythonForExamples() {}

    /**
     * The interpreter of an environment that is made once per build folder; aborts the test as skipped where it cannot be made.
     *
     * @param modules what the test imports
     */
    public static synchronized Path with(String... modules) throws IOException, InterruptedException {
        Path environment = Repository.root().resolve("it/target/examples-venv");
        Path lock = environment.resolveSibling("examples-venv.lock");
        // Tests run in several processes, and the environment is theirs in common.
        try (FileChannel file = FileChannel.open(lock, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                FileLock held = file.lock()) {
            return make(environment, modules);
        }
    }

    private static Path make(Path environment, String... modules) throws IOException, InterruptedException {
        String statement = "import " + String.join(", ", modules);
        Path python = environment.resolve("bin/python");
        if (!Files.isExecutable(python)) {
            // Some are packages of the system, which the system's interpreter sees.
            for (String interpreter : INTERPRETERS) {
                if (succeeds(interpreter, "-m", "venv", "--clear", "--system-site-packages", environment.toString())) {
                    break;
                }
            }
        }
        if (Files.isExecutable(python)) {
            for (String module : modules) {
                if (!succeeds(python.toString(), "-c", "import " + module)) {
                    String name = module.replace('_', '-');
                    succeeds(python.toString(), "-m", "pip", "install", "-q", "--disable-pip-version-check", name);
                }
            }
        }
        boolean there = Files.isExecutable(python) && succeeds(python.toString(), "-c", statement);
        Assumptions.assumeTrue(
                there,
                "skipped: no Python with " + String.join(", ", modules)
                        + "; see deploy/examples/python/requirements.txt");
        return python;
    }

    private static boolean succeeds(String... command) throws IOException, InterruptedException {
        Process process;
        try {
            process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.to(new File("/dev/null")))
                    .start();
        } catch (IOException e) {
            return false; // No such program.
        }
        if (!process.waitFor(120, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            return false;
        }
        return process.exitValue() == 0;
    }
}
