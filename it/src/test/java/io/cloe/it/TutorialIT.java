package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cloe.it.tools.FreePorts;
import io.cloe.it.tools.JavaProcess;
import io.cloe.it.tools.PythonForExamples;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.Waiting;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands of tutorials, as they are written; only ports and the temporary folder are this test's own. */
class TutorialIT {

    private static final Pattern BLOCK = Pattern.compile("(?ms)^```sh\\n(.*?)^```$");

    /** A tutorial starts some twenty Java virtual machines one after the other. */
    private static final Duration PATIENCE = Waiting.PATIENCE.multipliedBy(4);

    @TempDir
    Path folder;

    @Test
    void shouldPrintAResultWhenTheTutorialForPythonIsFollowed() throws Exception {
        PythonForExamples.with("fastavro", "confluent_kafka");
        Assumptions.assumeTrue(
                Files.isExecutable(Path.of("/usr/bin/python3")) && hasKafkaClient("/usr/bin/python3"),
                "skipped: /usr/bin/python3 has no Kafka client (python3-confluent-kafka)");
        List<String> said = follow("deploy/docs/consume-in-python.md", "/tmp/cloe-tutorial");

        JsonNode result = new ObjectMapper().readTree(said.get(said.size() - 1));
        assertThat(result.get("study").textValue()).isEqualTo("phantom-700000-002");
        assertThat(result.get("used")).extracting(JsonNode::textValue).containsExactlyInAnyOrder("T1", "FLAIR");
        assertThat(result.get("weights")).extracting(JsonNode::doubleValue).containsOnly(0.5);
        assertThat(result.get("maskBytes").intValue()).isPositive();
    }

    @Test
    void shouldEndWithTheFormerModelsMaskWhenTheTutorialForARolloutIsFollowed() throws Exception {
        List<String> said = follow("worker/docs/roll-out-a-model.md", "/tmp/cloe-rollout");

        String shipped = new ObjectMapper()
                .readTree(Repository.shippedBundle().resolve("manifest.json").toFile())
                .get("version")
                .textValue();
        assertThat(said)
                .contains("cloe-w8 2.0.0 compared with cloe-w8 " + shipped, "cloe-w8 2.0.0 is live on all workers")
                .contains("cloe-w8 " + shipped + " is live on all workers");
        assertThat(folder.resolve("dice.svg")).exists();
        List<String> masks = said.stream()
                .skip(said.lastIndexOf("study     phantom-700000-006 (brain-glioma)"))
                .filter(line -> line.startsWith("  mask "))
                .map(line -> line.replaceFirst(".*(/r\\d).*-(\\w+)\\.nii\\.gz", "$2"))
                .toList();
        assertThat(masks).hasSize(3);
        assertThat(masks.get(1)).isNotEqualTo(masks.get(0));
        assertThat(masks.get(2)).isEqualTo(masks.get(0));
    }

    /** Runs the blocks as one script; returns what it said on standard output. */
    private List<String> follow(String tutorial, String itsFolder) throws Exception {
        assertThat(Repository.root().resolve("deploy/standalone/target/cloe/bin/cloe"))
                .as("built before")
                .isExecutable();
        String port = Integer.toString(FreePorts.next());
        String adminPort = Integer.toString(FreePorts.next());
        String script = BLOCK.matcher(Files.readString(Repository.root().resolve(tutorial)))
                .results()
                .map((MatchResult block) -> block.group(1))
                .collect(Collectors.joining("\n"))
                .replace("127.0.0.1:9092", "127.0.0.1:" + port)
                .replace("--port 9092", "--port " + port)
                .replace("admin.port=8080", "admin.port=" + adminPort)
                .replace(itsFolder, folder.toString());
        Path file = Files.writeString(folder.resolve("tutorial.sh"), "set -eu\n" + script);
        Path output = folder.resolve("said");
        Path errors = folder.resolve("errors");
        ProcessBuilder program = new ProcessBuilder("bash", file.toString())
                .directory(Repository.root().toFile())
                .redirectOutput(output.toFile())
                .redirectError(errors.toFile());
        program.environment().put("PIP_RETRIES", "0");
        program.environment().put("CLOE_JAVA_OPTS", String.join(" ", JavaProcess.SHORT_LIVED));
        Process shell = program.start();
        List<ProcessHandle> background = List.of();
        try {
            boolean ended = false;
            // What a shell has left behind is nobody's child once it has ended: its children are noted while it runs.
            long end = System.nanoTime() + PATIENCE.toNanos();
            while (!ended && System.nanoTime() < end) {
                List<ProcessHandle> children = shell.descendants().toList();
                background = children.isEmpty() ? background : children;
                ended = shell.waitFor(200, TimeUnit.MILLISECONDS);
            }
            assertThat(ended).as("ended in time").isTrue();
            assertThat(shell.exitValue()).as(Files.readString(errors)).isZero();
            return Files.readAllLines(output);
        } finally {
            background.forEach(ProcessHandle::destroyForcibly);
            shell.destroyForcibly();
        }
    }

    private static boolean hasKafkaClient(String python) throws Exception {
        Process process = new ProcessBuilder(python, "-c", "import confluent_kafka, venv")
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        return process.waitFor() == 0;
    }
}
