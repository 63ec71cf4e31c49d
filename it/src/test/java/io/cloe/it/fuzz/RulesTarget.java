package io.cloe.it.fuzz;

import io.cloe.worker.config.ConfigurationException;
import io.cloe.worker.config.StudySettings;
import io.cloe.worker.config.WorkerConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** Rule files. */
final class RulesTarget implements FuzzTarget {

    private final Path file;
    private final Map<String, String> settings;

    RulesTarget(Path folder) {
        this.file = folder.resolve("rules.yaml");
        this.settings = new HashMap<>(ConfigurationTarget.required(folder));
        settings.put(StudySettings.STUDY_RULES, file.toString());
    }

    @Override
    public String name() {
        return "rules";
    }

    @Override
    public Outcome feed(byte[] input) throws Exception {
        Files.write(file, input);
        try {
            WorkerConfig.of(settings).rules();
            return Outcome.ACCEPTED;
        } catch (ConfigurationException e) {
            ConfigurationTarget.requireHelpful(e);
            return Outcome.REFUSED;
        }
    }

    @Override
    public long allowance(byte[] input) {
        return (4 << 20) + 1_024L * input.length;
    }
}
