package io.cloe.worker.results;

import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyFailure;
import io.cloe.schemas.StudyStatus;
import io.cloe.schemas.serde.UnreadableRecordException;
import io.cloe.topology.Topics;
import io.cloe.worker.kafka.ClientSettings;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Reads committed records of the output topics, without a consumer group. For one thread. */
public final class OutputReader implements AutoCloseable {

    private static final Duration PATIENCE = Duration.ofSeconds(15);
    private static final Duration POLL = Duration.ofMillis(200);

    private final Consumer<String, byte[]> consumer;
    private final Map<String, Serde<? extends SpecificRecord>> serdes = new HashMap<>();

    /**
     * One output record.
     *
     * @param topic the topic it was read from
     * @param value a Segmentation, GatingWeights, StudyStatus or StudyFailure
     */
    public record Output(String topic, SpecificRecord value) {}

    private OutputReader(ClientSettings settings) {
        Topics topics = settings.topics();
        serdes.put(topics.segmentations(), settings.records().of(Segmentation.class));
        serdes.put(topics.gatingWeights(), settings.records().of(GatingWeights.class));
        serdes.put(topics.studyStatus(), settings.records().of(StudyStatus.class));
        serdes.put(topics.studyFailures(), settings.records().of(StudyFailure.class));
        consumer = new KafkaConsumer<>(settings.consumer(), new StringDeserializer(), new ByteArrayDeserializer());
    }

    /**
     * Connects to all partitions.
     *
     * @param settings brokers and topics
     * @param fromBeginning whether to read what is there already
     */
    public OutputReader(ClientSettings settings, boolean fromBeginning) {
        this(settings);
        consumer.assign(serdes.keySet().stream()
                .flatMap(topic -> IntStream.range(0, partitionsOf(topic))
                        .mapToObj(partition -> new TopicPartition(topic, partition)))
                .toList());
        if (fromBeginning) {
            consumer.seekToBeginning(consumer.assignment());
        } else {
            consumer.seekToEnd(consumer.assignment());
            // Makes the position now, not at the first poll.
            consumer.assignment().forEach(consumer::position);
        }
    }

    /**
     * Reads all that is committed of one study at this moment, from the partitions of its key alone.
     *
     * @return its records, in the order of each topic
     * @throws UnreadableRecordException if one of its records is none of this build's
     */
    public static List<SpecificRecord> ofStudy(ClientSettings settings, String studyId) {
        byte[] key = studyId.getBytes(StandardCharsets.UTF_8);
        try (OutputReader reader = new OutputReader(settings)) {
            reader.consumer.assign(reader.serdes.keySet().stream()
                    .map(topic -> new TopicPartition(
                            topic, BuiltInPartitioner.partitionForKey(key, reader.partitionsOf(topic))))
                    .toList());
            reader.consumer.seekToBeginning(reader.consumer.assignment());
            return reader.readToEnd(studyId);
        }
    }

    private int partitionsOf(String topic) {
        return consumer.partitionsFor(topic, PATIENCE).size();
    }

    private List<SpecificRecord> readToEnd(String studyId) {
        Map<TopicPartition, Long> ends = consumer.endOffsets(consumer.assignment(), PATIENCE);
        List<SpecificRecord> found = new ArrayList<>();
        while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
            for (ConsumerRecord<String, byte[]> record : consumer.poll(POLL)) {
                if (studyId.equals(record.key()) && record.value() != null) {
                    found.add(read(record));
                }
            }
        }
        return found;
    }

    /**
     * Waits for records.
     *
     * @return what was committed, in order per partition; empty after the patience
     * @throws UnreadableRecordException if a record is none of this build's
     */
    public List<Output> poll(Duration patience) {
        List<Output> outputs = new ArrayList<>();
        for (ConsumerRecord<String, byte[]> record : consumer.poll(patience)) {
            if (record.value() != null) {
                outputs.add(new Output(record.topic(), read(record)));
            }
        }
        return outputs;
    }

    private SpecificRecord read(ConsumerRecord<String, byte[]> record) {
        return serdes.get(record.topic()).deserializer().deserialize(record.topic(), record.value());
    }

    @Override
    public void close() {
        consumer.close();
    }
}
