package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cloe.it.tools.JavaProcess;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.WorkerJvm;
import io.cloe.worker.cli.ExitCode;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The command that people try first. */
class DemoIT {

    @TempDir
    Path folder;

    @Test
    void shouldShowEveryKindOfResultAndLeaveOnlyWhatWasAskedFor() throws Exception {
        Path out = folder.resolve("out");
        try (JavaProcess demo = demo("--out", out.toString())) {
            assertThat(demo.awaitExit())
                    .as(String.join("\n", demo.outputLines()))
                    .isEqualTo(ExitCode.OK);
            assertThat(leftBehind(demo)).isEmpty();
        }
        List<String> results = new ArrayList<>();
        for (String line : Files.readAllLines(out.resolve("results.jsonl"))) {
            JsonNode record = new ObjectMapper().readTree(line);
            if (record.get("topic").asText().equals("segmentations")) {
                results.add(result(record));
                Path mask = Path.of(URI.create(record.at("/mask/uri").asText()));
                assertThat(mask).startsWith(out.resolve("masks")).isNotEmptyFile();
            }
        }
        assertThat(results)
                .containsExactlyInAnyOrder(
                        "complete 0 COMPLETE [FLAIR, T1, T1CE, T2]",
                        "three-of-four 0 DEADLINE [FLAIR, T1CE, T2]",
                        "two-of-four 0 DEADLINE [FLAIR, T1CE]",
                        "one-of-four 0 DEADLINE [FLAIR]",
                        "late-scan 0 DEADLINE [FLAIR, T1, T2]",
                        "late-scan 1 LATE_SCAN [FLAIR, T1, T1CE, T2]");
    }

    private static String result(JsonNode segmentation) {
        TreeSet<String> used = new TreeSet<>();
        segmentation.get("used").forEach(scan -> used.add(scan.get("modality").asText()));
        return segmentation.get("studyId").asText() + " "
                + segmentation.get("revision").asInt() + " "
                + segmentation.get("trigger").asText() + " " + used;
    }

    /** At the moments when it has a temporary folder, half a broker, half a worker, and work under way. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "demo: starting a Kafka broker",
                "demo: creating topics",
                "demo: starting the worker",
                "demo: sent complete",
                "demo: result "
            })
    void shouldLeaveNothingBehindWhenItIsStoppedInTheMiddle(String moment) throws Exception {
        try (JavaProcess demo = demo()) {
            demo.awaitOutput(line -> line.startsWith(moment));
            List<ProcessHandle> children = demo.children();

            demo.terminate();
            int code = demo.awaitExit();

            assertThat(code).as("SIGTERM's exit code").isEqualTo(143);
            assertThat(children).noneMatch(ProcessHandle::isAlive);
            assertThat(leftBehind(demo))
                    .as(String.join("\n", demo.errorLines()))
                    .isEmpty();
        }
    }

    private JavaProcess demo(String... more) {
        List<String> arguments = new ArrayList<>(List.of(
                "demo",
                "--bundle",
                Repository.shippedBundle().toString(),
                "--phantoms",
                Repository.phantoms().toString()));
        arguments.addAll(List.of(more));
        return JavaProcess.start(folder.resolve("demo"), "demo", WorkerJvm.OPTIONS, WorkerJvm.MAIN, arguments);
    }

    private static List<Path> leftBehind(JavaProcess demo) throws IOException {
        try (Stream<Path> files = Files.list(demo.temporaryFolder())) {
            return files.toList();
        }
    }
}
