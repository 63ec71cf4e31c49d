package io.cloe.worker.results;

import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyFailure;
import io.cloe.schemas.StudyStatus;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.schemas.serde.UnreadableRecordException;
import io.cloe.topology.Topics;
import io.cloe.worker.kafka.ClientSettings;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * Reads committed records of the output topics, without a consumer group. For one thread.
 */
public final class OutputReader implements AutoCloseable {

    private final Consumer<String, byte[]> consumer;
    private final Map<String, RecordSerde<? extends SpecificRecord>> serdes = new HashMap<>();

    /**
     * One output record.
     *
     * @param topic the topic it was read from
     * @param value a Segmentation, GatingWeights, StudyStatus or StudyFailure
     */
    public record Output(String topic, SpecificRecord value) {}

    /**
     * Connects.
     *
     * @param settings brokers and topics
     * @param fromBeginning whether to read what is there already
     */
    public OutputReader(ClientSettings settings, boolean fromBeginning) {
        Topics topics = settings.topics();
        serdes.put(topics.segmentations(), RecordSerde.of(Segmentation.class));
        serdes.put(topics.gatingWeights(), RecordSerde.of(GatingWeights.class));
        serdes.put(topics.studyStatus(), RecordSerde.of(StudyStatus.class));
        serdes.put(topics.studyFailures(), RecordSerde.of(StudyFailure.class));
        consumer = new KafkaConsumer<>(settings.consumer(), new StringDeserializer(), new ByteArrayDeserializer());
        List<TopicPartition> partitions = new ArrayList<>();
        for (String topic : serdes.keySet()) {
            for (PartitionInfo partition : consumer.partitionsFor(topic, Duration.ofSeconds(15))) {
                partitions.add(new TopicPartition(topic, partition.partition()));
            }
        }
        consumer.assign(partitions);
        if (fromBeginning) {
            consumer.seekToBeginning(partitions);
        } else {
            consumer.seekToEnd(partitions);
            // Makes the position now, not at the first poll.
            partitions.forEach(consumer::position);
        }
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
            SpecificRecord value = serdes.get(record.topic()).deserialize(record.topic(), record.value());
            if (value != null) {
                outputs.add(new Output(record.topic(), value));
            }
        }
        return outputs;
    }

    @Override
    public void close() {
        consumer.close();
    }
}
