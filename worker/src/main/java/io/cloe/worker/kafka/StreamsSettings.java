package io.cloe.worker.kafka;

import io.cloe.topology.DeadLetterHandler;
import io.cloe.worker.config.ConfigurationException;
import io.cloe.worker.config.WorkerConfig;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.processor.WallclockTimestampExtractor;

/** Every Kafka Streams setting that differs from its default, with the reason. */
public final class StreamsSettings {

    /** Settings that the worker's promise depends on; not to be overridden. */
    private static final List<String> FIXED = List.of(
            StreamsConfig.PROCESSING_GUARANTEE_CONFIG,
            StreamsConfig.DESERIALIZATION_EXCEPTION_HANDLER_CLASS_CONFIG,
            StreamsConfig.ERRORS_DEAD_LETTER_QUEUE_TOPIC_NAME_CONFIG,
            StreamsConfig.DEFAULT_TIMESTAMP_EXTRACTOR_CLASS_CONFIG,
            // Without a cache nobody would call what writes studies before a commit; see topology/docs/0005.
            StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG,
            StreamsConfig.APPLICATION_ID_CONFIG);

    private StreamsSettings() {}

    /**
     * The settings of the worker's Kafka Streams client.
     *
     * @throws ConfigurationException if {@code kafka.*} overrides a setting that the worker's promise depends on
     */
    public static Properties of(WorkerConfig config) throws ConfigurationException {
        Map<String, Object> settings = new HashMap<>();
        // A result, its weights, its status and the state it leaves are one transaction.
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        // Results ask for a commit themselves; this bounds only how often plain scan events are committed.
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 500);
        // A commit waits until all that changed since the last one is written: in few requests, not in hundreds.
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 128 << 10);
        // One unreadable record must not stop a partition, and must not be lost either.
        settings.put(StreamsConfig.DESERIALIZATION_EXCEPTION_HANDLER_CLASS_CONFIG, DeadLetterHandler.class);
        settings.put(
                StreamsConfig.ERRORS_DEAD_LETTER_QUEUE_TOPIC_NAME_CONFIG,
                config.topics().deadLetters());
        // Deadlines are wall clock; a producer's absurd timestamp must not fail the task or overflow.
        settings.put(StreamsConfig.DEFAULT_TIMESTAMP_EXTRACTOR_CLASS_CONFIG, WallclockTimestampExtractor.class);
        // The rules need no order between topics; and a task that waits for an empty topic, though for no time at
        // all, stands still when the clock is set back, until the clock has caught up.
        settings.put(StreamsConfig.MAX_TASK_IDLE_MS_CONFIG, StreamsConfig.MAX_TASK_IDLE_MS_DISABLED);
        // Store names are contract: refuse to start with a generated one.
        settings.put(StreamsConfig.ENSURE_EXPLICIT_INTERNAL_RESOURCE_NAMING_CONFIG, true);
        // There is no global store; the setting becomes the default in 5.0 and is asked for in a warning until then.
        settings.put(StreamsConfig.PROCESSING_EXCEPTION_HANDLER_GLOBAL_ENABLED_CONFIG, true);
        // On a volume that survives restarts: it holds the process id by which a restarted worker fences its former
        // self.
        settings.put(StreamsConfig.STATE_DIR_CONFIG, config.stateDirectory().toString());
        settings.put(StreamsConfig.GROUP_PROTOCOL_CONFIG, config.groupProtocol());
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, config.streamThreads());
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, config.replicationFactor());
        for (Map.Entry<String, Object> given : config.kafkaSettings().entrySet()) {
            if (FIXED.contains(given.getKey())) {
                throw new ConfigurationException("setting " + WorkerConfig.KAFKA_PREFIX + given.getKey() + "="
                        + given.getValue() + " cannot be overridden: what the worker promises depends on it; allowed:"
                        + " leave it out");
            }
            settings.put(given.getKey(), given.getValue());
        }
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, config.applicationId());
        Properties properties = new Properties();
        properties.putAll(settings);
        return properties;
    }
}
