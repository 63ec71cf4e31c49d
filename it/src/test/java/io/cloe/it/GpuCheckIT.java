package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cloe.it.tools.Repository;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command that checks a GPU, in the form that it has without one. */
class GpuCheckIT {

    @TempDir
    Path folder;

    @Test
    void shouldReportOnTheCpuWhenItIsAskedFor() throws Exception {
        Path json = folder.resolve("report.json");
        Path said = folder.resolve("said");
        Process check = new ProcessBuilder(
                        Repository.root().resolve("deploy/gpu-check").toString(),
                        "--bundle",
                        Repository.tinyBundle().toString(),
                        "--device",
                        "cpu",
                        "--json",
                        json.toString())
                .redirectErrorStream(true)
                .redirectOutput(said.toFile())
                .start();
        try {
            assertThat(check.waitFor(5, TimeUnit.MINUTES)).isTrue();
        } finally {
            check.destroyForcibly();
        }

        assertThat(check.exitValue()).as(Files.readString(said)).isZero();
        assertThat(Files.readString(said))
                .contains("not checked: this is the CPU", "compared with PyTorch")
                .endsWith("ok\n");
        JsonNode report = new ObjectMapper().readTree(json.toFile());
        assertThat(report.get("running").asText()).isEqualTo("cpu");
        assertThat(report.get("subsets")).hasSize(7);
        assertThat(report.get("faults")).isEmpty();
    }
}
