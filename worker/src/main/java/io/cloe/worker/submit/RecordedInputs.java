package io.cloe.worker.submit;

import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.StudyCommand;
import io.cloe.schemas.serde.UnreadableRecordException;
import io.cloe.topology.study.DryRun.Recorded;
import io.cloe.worker.kafka.ClientSettings;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * The scan events and study commands that their topics still hold.
 *
 * @param records in the order of their timestamps per partition
 * @param unreadable records that were none of this build's
 */
public record RecordedInputs(List<Recorded> records, int unreadable) {

    private static final Duration PATIENCE = Duration.ofSeconds(15);
    private static final Duration POLL = Duration.ofMillis(200);

    /**
     * Reads what is committed at this moment, without a consumer group.
     *
     * @param since older records are left out
     */
    public static RecordedInputs read(ClientSettings settings, Instant since) {
        Map<String, Serde<? extends SpecificRecord>> serdes = Map.of(
                settings.topics().scanEvents(), settings.records().of(ScanEvent.class),
                settings.topics().studyCommands(), settings.records().of(StudyCommand.class));
        List<Recorded> records = new ArrayList<>();
        int unreadable = 0;
        try (Consumer<String, byte[]> consumer =
                new KafkaConsumer<>(settings.consumer(), new StringDeserializer(), new ByteArrayDeserializer())) {
            Map<TopicPartition, Long> ends = assign(consumer, serdes.keySet().stream(), since);
            while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
                for (ConsumerRecord<String, byte[]> record : consumer.poll(POLL)) {
                    try {
                        records.add(new Recorded(
                                Instant.ofEpochMilli(record.timestamp()),
                                record.key(),
                                serdes.get(record.topic()).deserializer().deserialize(record.topic(), record.value())));
                    } catch (UnreadableRecordException e) {
                        unreadable++;
                    }
                }
            }
        }
        return new RecordedInputs(records, unreadable);
    }

    private static Map<TopicPartition, Long> assign(
            Consumer<String, byte[]> consumer, Stream<String> topics, Instant since) {
        Map<TopicPartition, Long> times = new HashMap<>();
        topics.flatMap(topic -> consumer.partitionsFor(topic, PATIENCE).stream())
                .forEach(info -> times.put(new TopicPartition(info.topic(), info.partition()), since.toEpochMilli()));
        Map<TopicPartition, Long> ends = consumer.endOffsets(times.keySet(), PATIENCE);
        Map<TopicPartition, OffsetAndTimestamp> starts = consumer.offsetsForTimes(times, PATIENCE);
        consumer.assign(times.keySet());
        times.keySet().forEach(partition -> {
            OffsetAndTimestamp start = starts.get(partition);
            consumer.seek(partition, start == null ? ends.get(partition) : start.offset());
        });
        return ends;
    }
}
