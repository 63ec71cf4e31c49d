package io.cloe.it.bench.inference;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cloe.it.tools.Repository;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** A Python script that is measured in turn with ours: it answers each line that it is sent with a line of JSON. */
final class PythonPeer implements AutoCloseable {

    private final Process process;
    private final BufferedWriter requests;
    private final BufferedReader answers;

    private PythonPeer(Process process) {
        this.process = process;
        this.requests = new BufferedWriter(new OutputStreamWriter(process.getOutputStream(), StandardCharsets.UTF_8));
        this.answers = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    }

    /**
     * Starts a script of {@code it/src/test/python} in the environment that {@code mvn verify} makes for model-export, or in the one that
     * {@code CLOE_PYTHON} names.
     *
     * @param errors file that takes what it complains of
     */
    static PythonPeer start(String script, Path errors, List<String> arguments) throws IOException {
        Path python = Optional.ofNullable(System.getenv("CLOE_PYTHON"))
                .map(Path::of)
                .orElseGet(() -> Repository.root().resolve("model-export/target/venv/bin/python"));
        if (!Files.isExecutable(python)) {
            throw new IllegalStateException("the peer is Python, and there is no environment for it: run"
                    + " model-export/check.sh, or set CLOE_PYTHON to an interpreter with the package cloe");
        }
        List<String> command = new ArrayList<>(List.of(
                python.toString(),
                Repository.root().resolve("it/src/test/python/" + script).toString()));
        command.addAll(arguments);
        return new PythonPeer(
                new ProcessBuilder(command).redirectError(errors.toFile()).start());
    }

    /** Sends a line and waits for the answer. */
    JsonNode ask(String request) throws IOException {
        requests.write(request);
        requests.newLine();
        requests.flush();
        String answer = answers.readLine();
        if (answer == null) {
            throw new IOException("the Python peer ended");
        }
        return new ObjectMapper().readTree(answer);
    }

    @Override
    public void close() throws IOException {
        requests.close(); // the end of its input ends it
        try {
            if (!process.waitFor(20, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
