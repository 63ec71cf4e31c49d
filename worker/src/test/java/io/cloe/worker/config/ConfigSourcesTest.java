package io.cloe.worker.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConfigSourcesTest {

    @TempDir
    Path folder;

    private Path file;

    @BeforeEach
    void writeTheFile() throws Exception {
        file = Files.writeString(
                folder.resolve("cloe.properties"),
                """
                bootstrap.servers = file:9092
                model.bundles = /bundles/file
                volume.roots = /in
                mask.directory = /masks
                # a comment
                study.timeout = 1m
                study.settle = 1s
                application.id = from-file
                """);
    }

    private WorkerConfig load(Map<String, String> environment, Map<String, String> options) throws Exception {
        return ConfigSources.load(Optional.of(file), environment, options);
    }

    @Test
    void shouldTakeTheLaterSourceWhenSeveralNameAKey() throws Exception {
        WorkerConfig config = load(
                Map.of("CLOE_STUDY_SETTLE", "2s", "CLOE_APPLICATION_ID", "from-environment"),
                Map.of("application.id", "from-option"));

        assertThat(config.rules().general().timeout()).isEqualTo(Duration.ofMinutes(1));
        assertThat(config.rules().general().settle()).isEqualTo(Duration.ofSeconds(2));
        assertThat(config.applicationId()).isEqualTo("from-option");
    }

    @Test
    void shouldFindEveryKeyWhenItIsWrittenAsAVariable() throws Exception {
        for (String key : WorkerConfig.keys()) {
            String variable =
                    "CLOE_" + key.toUpperCase(Locale.ROOT).replace('.', '_').replace('-', '_');
            assertThat(ConfigSources.merge(Optional.empty(), Map.of(variable, "x"), Map.of()))
                    .containsExactly(Map.entry(key, "x"));
        }
    }

    @Test
    void shouldPassKafkasSettingsOnWhenTheyComeAsVariables() throws Exception {
        assertThat(load(Map.of("CLOE_KAFKA_SECURITY_PROTOCOL", "SSL"), Map.of()).kafkaSettings())
                .containsEntry("security.protocol", "SSL");
    }

    @Test
    void shouldIgnoreVariablesWhenTheyAreNoSettings() throws Exception {
        assertThat(ConfigSources.merge(
                        Optional.empty(),
                        Map.of(
                                "PATH", "/bin",
                                "CLOE", "x",
                                "XCLOE_DEVICE", "x",
                                "CLOE_HOME", "x",
                                "CLOE_DATA", "x",
                                "CLOE_JAVA_OPTS", "x"),
                        Map.of()))
                .isEmpty();
    }

    @Test
    void shouldNameTheKeyWhenAVariableIsMisspelt() {
        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(() -> load(Map.of("CLOE_STUDY_TIEMOUT", "1m"), Map.of()))
                .withMessageContaining("study.tiemout");
    }

    @Test
    void shouldReadUtf8AndStripWhenTheFileHasSpacesAtTheEnd() throws Exception {
        Files.writeString(file, "mask.directory = /mäsks  \n", StandardCharsets.UTF_8);

        assertThat(ConfigSources.merge(Optional.of(file), Map.of(), Map.of()))
                .containsExactly(Map.entry("mask.directory", "/mäsks"));
    }

    @Test
    void shouldSayWhatIsAllowedWhenTheFileCannotBeRead() throws Exception {
        assertRefused(folder.resolve("missing.properties"));
        assertRefused(folder);
        assertRefused(Files.writeString(folder.resolve("escape.properties"), "key = \\u12"));
        assertRefused(Files.write(folder.resolve("latin1.properties"), new byte[] {'a', '=', (byte) 0xe4, '\n'}));
    }

    private static void assertRefused(Path wrong) {
        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(() -> ConfigSources.load(Optional.of(wrong), Map.of(), Map.of()))
                .withMessageStartingWith("cannot read configuration file " + wrong)
                .withMessageContaining("allowed: ");
    }
}
