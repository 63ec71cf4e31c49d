package io.cloe.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.cloe.worker.bundle.BundleFixture;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code cloe device check} on the CPU. */
class DeviceCommandTest {

    @TempDir
    Path folder;

    private final StringWriter out = new StringWriter();

    private int cloe(String... arguments) {
        return CloeCommandTest.cloe(out, new StringWriter(), arguments);
    }

    @Test
    void shouldTellWhatTheDeviceDoesWhenItIsChecked() throws Exception {
        Path report = folder.resolve("report.json");
        String bundle = BundleFixture.tiny().toString();

        assertThat(cloe("device", "check", bundle, "--device", "cpu", "--other", bundle, "--json", report.toString()))
                .isEqualTo(ExitCode.OK);

        assertThat(out.toString())
                .contains("device   cpu", "T1+T2+FLAIR", "other form", "not checked: this is the CPU")
                .endsWith("ok" + System.lineSeparator());
        JsonNode json = BundleFixture.JSON.readTree(report.toFile());
        assertThat(json.get("running").asText()).isEqualTo("cpu");
        assertThat(json.get("subsets")).hasSize(7).allSatisfy(subset -> {
            assertThat(subset.get("windowMs").asDouble()).isPositive();
            assertThat(subset.at("/exact/equalLabels").asDouble()).isEqualTo(1);
            assertThat(subset.get("tf32").isNull()).isTrue();
        });
        assertThat(json.at("/nodesByProvider/CPUExecutionProvider").asInt()).isPositive();
        assertThat(json.at("/timeByOperator/Conv").asDouble()).isBetween(0.0, 1.0);
        assertThat(json.at("/memory/runs").asInt()).isEqualTo(15);
        assertThat(json.get("faults")).isEmpty();
    }

    @Test
    void shouldSegmentBrainsAtOnceWhenADeviceIsCheckedSo() throws Exception {
        Path bundle = BundleFixture.copy(BundleFixture.tinyExtra(), folder.resolve("extra"));
        // This one asks for more memory than there is, for other tests.
        BundleFixture.replaceListed(
                bundle,
                "graphs/FLAIR.onnx",
                Files.readAllBytes(BundleFixture.tiny().resolve("graphs/FLAIR.onnx")));
        Path report = folder.resolve("report.json");

        assertThat(cloe("device", "check", bundle.toString(), "--device", "cpu", "--json", report.toString()))
                .isEqualTo(ExitCode.OK);
        assertThat(out.toString()).contains("not checked: brains that are segmented at once");
        assertThat(BundleFixture.JSON.readTree(report.toFile()).get("wholeCrops"))
                .isEmpty();

        assertThat(cloe(
                        "device",
                        "check",
                        bundle.toString(),
                        "--device",
                        "cpu",
                        "--whole-crops",
                        "--json",
                        report.toString()))
                .isEqualTo(ExitCode.OK);
        assertThat(out.toString()).contains("brain at once", "16x32x48");
        assertThat(BundleFixture.JSON.readTree(report.toFile()).get("wholeCrops"))
                .hasSize(3)
                .allSatisfy(crop -> {
                    assertThat(crop.get("ms").asDouble()).isPositive();
                    assertThat(crop.get("score").asDouble()).isLessThan(1e-6);
                    assertThat(crop.get("equalLabels").asDouble()).isEqualTo(1);
                });
    }

    @Test
    void shouldPrintNothingButJsonWhenItGoesToStandardOutput() throws Exception {
        assertThat(cloe(
                        "device",
                        "check",
                        BundleFixture.tiny().toString(),
                        "--device",
                        "cpu",
                        "--memory-runs",
                        "1",
                        "--studies",
                        "--json",
                        "-"))
                .isEqualTo(ExitCode.OK);
        JsonNode json = BundleFixture.JSON.readTree(out.toString());
        assertThat(json.at("/subsets/0/studyMs").asDouble()).isPositive();
        assertThat(json.at("/subsets/0/studyWindows").asInt()).isEqualTo(12);
    }
}
