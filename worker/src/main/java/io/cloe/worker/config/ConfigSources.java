package io.cloe.worker.config;

import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;

/**
 * Where settings come from: a properties file, then environment variables, then {@code -D} options; the later one wins.
 *
 * <p>{@code CLOE_STUDY_TIMEOUT} sets {@code study.timeout}; {@code CLOE_KAFKA_SECURITY_PROTOCOL} sets
 * {@code kafka.security.protocol}.
 */
public final class ConfigSources {

    private static final String ENVIRONMENT_PREFIX = "CLOE_";

    /** Variables that the start scripts and tests use; not settings. */
    private static final java.util.Set<String> NOT_SETTINGS =
            java.util.Set.of("CLOE_DATA", "CLOE_HOME", "CLOE_JAVA_OPTS");

    private ConfigSources() {}

    /**
     * Merges the sources and checks the result.
     *
     * @param file properties file, or empty
     * @param environment environment variables
     * @param options {@code -D} options by key
     * @throws ConfigurationException if the file cannot be read or a setting is wrong
     */
    public static WorkerConfig load(Optional<Path> file, Map<String, String> environment, Map<String, String> options)
            throws ConfigurationException {
        return WorkerConfig.of(merge(file, environment, options));
    }

    /** As {@link #load}, unchecked: for commands that need fewer settings than a worker. */
    public static Map<String, String> merge(
            Optional<Path> file, Map<String, String> environment, Map<String, String> options)
            throws ConfigurationException {
        Map<String, String> settings = new HashMap<>();
        if (file.isPresent()) {
            read(file.get()).forEach((key, value) -> settings.put((String) key, ((String) value).strip()));
        }
        environment.forEach((name, value) -> {
            if (name.startsWith(ENVIRONMENT_PREFIX) && !NOT_SETTINGS.contains(name)) {
                settings.put(keyOf(name), value);
            }
        });
        settings.putAll(options);
        return settings;
    }

    private static Properties read(Path file) throws ConfigurationException {
        Properties properties = new Properties();
        try (Reader text = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            properties.load(text);
        } catch (IOException | IllegalArgumentException e) {
            throw new ConfigurationException("cannot read configuration file " + file + " ("
                    + e.getClass().getSimpleName() + "); allowed: a Java properties file in UTF-8");
        }
        return properties;
    }

    /** Underscores stand for dots; a key with a dash is found by comparing without punctuation. */
    private static String keyOf(String variable) {
        String plain = variable.substring(ENVIRONMENT_PREFIX.length()).toLowerCase(Locale.ROOT);
        String dotted = plain.replace('_', '.');
        return WorkerConfig.keys().stream()
                .filter(key -> key.replace('-', '.').equals(dotted))
                .findFirst()
                .orElse(dotted);
    }
}
