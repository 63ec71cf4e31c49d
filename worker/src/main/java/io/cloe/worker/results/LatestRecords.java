package io.cloe.worker.results;

import io.cloe.schemas.serde.RecordSerde;
import io.cloe.worker.kafka.ClientSettings;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Reads a topic as a table. */
public final class LatestRecords {

    private static final Duration PATIENCE = Duration.ofSeconds(15);
    private static final Duration POLL = Duration.ofMillis(200);

    private LatestRecords() {}

    /**
     * The last committed record of each key at this moment; deleted keys are left out.
     *
     * @return record by key, sorted
     */
    public static <T extends SpecificRecord> Map<String, T> of(ClientSettings settings, String topic, Class<T> type) {
        Map<String, T> latest = new TreeMap<>();
        read(settings, topic, type, record -> {
            if (record.value() == null) {
                latest.remove(record.key());
            } else {
                latest.put(record.key(), record.value());
            }
        });
        return latest;
    }

    /** All committed records at this moment, in the order of each partition. */
    public static <T extends SpecificRecord> List<T> all(ClientSettings settings, String topic, Class<T> type) {
        List<T> records = new ArrayList<>();
        read(settings, topic, type, record -> {
            if (record.value() != null) {
                records.add(record.value());
            }
        });
        return records;
    }

    /** About so many of the last committed records of each partition at this moment. */
    public static <T extends SpecificRecord> List<T> last(
            ClientSettings settings, String topic, Class<T> type, int count) {
        List<T> records = new ArrayList<>();
        read(settings, topic, type, count, record -> {
            if (record.value() != null) {
                records.add(record.value());
            }
        });
        return records;
    }

    private static <T extends SpecificRecord> void read(
            ClientSettings settings, String topic, Class<T> type, Consumer<ConsumerRecord<String, T>> each) {
        read(settings, topic, type, Long.MAX_VALUE, each);
    }

    private static <T extends SpecificRecord> void read(
            ClientSettings settings,
            String topic,
            Class<T> type,
            long atMost,
            Consumer<ConsumerRecord<String, T>> each) {
        try (KafkaConsumer<String, T> consumer =
                new KafkaConsumer<>(settings.consumer(), new StringDeserializer(), RecordSerde.of(type))) {
            List<TopicPartition> partitions = new ArrayList<>();
            consumer.partitionsFor(topic, PATIENCE)
                    .forEach(one -> partitions.add(new TopicPartition(topic, one.partition())));
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions, PATIENCE);
            if (atMost < Long.MAX_VALUE) {
                Map<TopicPartition, Long> starts = consumer.beginningOffsets(partitions, PATIENCE);
                partitions.forEach(one -> consumer.seek(one, Math.max(starts.get(one), ends.get(one) - atMost)));
            }
            while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
                consumer.poll(POLL).forEach(each);
            }
        }
    }
}
