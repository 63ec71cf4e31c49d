package io.cloe.worker.kafka;

import io.cloe.schemas.serde.RecordFormat;
import io.cloe.topology.Topics;
import io.cloe.worker.config.ConfigurationException;
import io.cloe.worker.config.RegistryConfig;
import io.cloe.worker.config.WorkerConfig;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;

/**
 * What a plain Kafka client of the worker's topics needs.
 *
 * @param kafka brokers and everything given under {@code kafka.}
 * @param topics names of the topics
 * @param records how records travel
 */
public record ClientSettings(Map<String, Object> kafka, Topics topics, RecordFormat records) {

    /** Those of a worker. */
    public static ClientSettings of(WorkerConfig config) {
        return new ClientSettings(config.kafkaSettings(), config.topics(), config.records());
    }

    /**
     * From settings that need not be a worker's: only the brokers are required.
     *
     * @throws ConfigurationException if the brokers are missing, or the registry's settings are wrong
     */
    public static ClientSettings of(Map<String, String> settings) throws ConfigurationException {
        String brokers = settings.get(WorkerConfig.BOOTSTRAP_SERVERS);
        if (brokers == null || brokers.isBlank()) {
            throw new ConfigurationException("missing setting " + WorkerConfig.BOOTSTRAP_SERVERS
                    + ": Kafka brokers, host:port, comma-separated (-D" + WorkerConfig.BOOTSTRAP_SERVERS
                    + "=..., or CLOE_BOOTSTRAP_SERVERS)");
        }
        Map<String, Object> kafka = new HashMap<>();
        settings.forEach((key, value) -> {
            if (key.startsWith(WorkerConfig.KAFKA_PREFIX)) {
                kafka.put(key.substring(WorkerConfig.KAFKA_PREFIX.length()), value);
            }
        });
        kafka.put(WorkerConfig.BOOTSTRAP_SERVERS, brokers);
        return new ClientSettings(
                kafka,
                Topics.withPrefix(settings.getOrDefault(WorkerConfig.TOPICS_PREFIX, "")),
                RegistryConfig.format(settings));
    }

    /** Settings of a producer. */
    public Map<String, Object> producer() {
        return only(ProducerConfig.configNames());
    }

    /** Settings of a consumer that sees committed records only. */
    public Map<String, Object> consumer() {
        Map<String, Object> settings = only(ConsumerConfig.configNames());
        settings.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        return settings;
    }

    /** Settings of an admin client. */
    public Map<String, Object> admin() {
        return only(AdminClientConfig.configNames());
    }

    /** Drops what this kind of client does not know, such as Streams' own settings. */
    private Map<String, Object> only(Set<String> known) {
        Map<String, Object> settings = new HashMap<>(kafka);
        settings.keySet().retainAll(known);
        return settings;
    }
}
