package io.cloe.worker.cli;

import io.cloe.worker.config.ConfigSources;
import io.cloe.worker.config.ConfigurationException;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.kafka.ClientSettings;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Option;

/** The options by which every command takes settings. */
final class SettingsOptions {

    @Option(
            names = {"-c", "--config"},
            paramLabel = "FILE",
            description =
                    "Properties file with settings. Environment variables (CLOE_STUDY_TIMEOUT=...) and -D win over it.")
    private Path file;

    @Option(
            names = "-D",
            paramLabel = "KEY=VALUE",
            description = "One setting; see 'config docs' for the keys. Repeatable.")
    private Map<String, String> options = new LinkedHashMap<>();

    WorkerConfig worker() throws ConfigurationException {
        return ConfigSources.load(Optional.ofNullable(file), System.getenv(), options);
    }

    /** All settings, unchecked: for a command that needs few of them. */
    Map<String, String> merged() throws ConfigurationException {
        return ConfigSources.merge(Optional.ofNullable(file), System.getenv(), options);
    }

    /** Settings for a command that is only a client of the topics. */
    ClientSettings client() throws ConfigurationException {
        return ClientSettings.of(merged());
    }
}
