package io.cloe.it.fuzz;

import io.cloe.worker.config.AdminSettings;
import io.cloe.worker.config.ConfigSources;
import io.cloe.worker.config.ConfigurationException;
import io.cloe.worker.config.WorkerConfig;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** Configuration files, and all that a worker asks its configuration for before it starts. */
final class ConfigurationTarget implements FuzzTarget {

    private final Path file;
    private final byte[] before;

    /** Every other host would be looked up in the network. */
    private final Map<String, String> options =
            Map.of(WorkerConfig.BOOTSTRAP_SERVERS, "127.0.0.1:1", AdminSettings.ADMIN_HOST, "127.0.0.1");

    ConfigurationTarget(Path folder) {
        this.file = folder.resolve("cloe.properties");
        this.before = required(folder).entrySet().stream()
                .map(setting -> setting.getKey() + "=" + setting.getValue() + "\n")
                .collect(Collectors.joining())
                .getBytes(StandardCharsets.UTF_8);
    }

    /** Settings without which there is no worker. */
    static Map<String, String> required(Path folder) {
        return Map.of(
                WorkerConfig.BOOTSTRAP_SERVERS, "127.0.0.1:1",
                WorkerConfig.MODEL_BUNDLES, folder.toString(),
                WorkerConfig.VOLUME_ROOTS, folder.toString(),
                WorkerConfig.MASK_DIRECTORY, folder.toString());
    }

    /** A person must be able to do something with a refusal. */
    static void requireHelpful(ConfigurationException refusal) throws ViolationException {
        String message = String.valueOf(refusal.getMessage());
        if (!message.contains("allowed: ") && !message.contains("missing setting ")) {
            throw new ViolationException("a refusal does not say what is allowed: " + message, refusal);
        }
    }

    @Override
    public String name() {
        return "configuration";
    }

    @Override
    public Outcome feed(byte[] input) throws Exception {
        // What is required stands before the input, which may say it again: the last line of a key counts.
        try (OutputStream settings = Files.newOutputStream(file)) {
            settings.write(before);
            settings.write(input);
        }
        try {
            WorkerConfig config = ConfigSources.load(Optional.of(file), Map.of(), options);
            config.rules();
            config.topics();
            config.inference().devices();
            config.inference().executor();
            config.stateDirectory();
            config.kafkaSettings();
            config.volumeRoots();
            config.maskPlace();
            config.modelRepository();
            config.modelCacheDirectory();
            config.stores();
            config.records();
            config.traceEndpoint();
            return Outcome.ACCEPTED;
        } catch (ConfigurationException e) {
            requireHelpful(e);
            return Outcome.REFUSED;
        }
    }

    @Override
    public long allowance(byte[] input) {
        return (4 << 20) + 1_024L * input.length;
    }
}
