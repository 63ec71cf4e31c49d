package io.cloe.worker.results;

import io.cloe.schemas.InferenceOutcome;
import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.schemas.serde.UnreadableRecordException;
import io.cloe.worker.kafka.ClientSettings;
import io.cloe.worker.kafka.StartupException;
import io.cloe.worker.kafka.TopicAdmin;
import io.cloe.worker.sweep.References;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Deserializer;

/**
 * Reads which masks results refer to: all committed ones, and those that workers have reported and the topology has not yet taken. For
 * one thread.
 */
public final class MaskReferenceReader {

    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final Duration POLL = Duration.ofMillis(200);

    private final ClientSettings settings;
    private final String group;

    /**
     * @param settings brokers and topics
     * @param group the workers' {@code application.id}
     */
    public MaskReferenceReader(ClientSettings settings, String group) {
        this.settings = settings;
        this.group = group;
    }

    /**
     * Reads them.
     *
     * @throws StartupException if a topic is missing or no broker answers
     * @throws UnreadableRecordException if a record is none of this build's: what it refers to is not known, so nothing can be said
     */
    public References read() throws StartupException, InterruptedException, ExecutionException {
        try (TopicAdmin topics = new TopicAdmin(settings)) {
            topics.check();
        }
        References.Collector found = new References.Collector();
        try (Admin admin = Admin.create(settings.admin());
                KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(
                        settings.consumer(), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            // Results on their way first: those that are taken in meanwhile are then among the committed ones, read
            // later.
            readResultsOnTheirWay(admin, consumer, found);
            readCommittedResults(admin, consumer, found);
        }
        return found.references();
    }

    private void readResultsOnTheirWay(Admin admin, KafkaConsumer<byte[], byte[]> consumer, References.Collector found)
            throws ExecutionException, InterruptedException {
        RecordSerde<InferenceResult> serde = RecordSerde.of(InferenceResult.class);
        String topic = settings.topics().inferenceResults();
        Map<TopicPartition, OffsetAndMetadata> taken = admin.listConsumerGroupOffsets(group)
                .partitionsToOffsetAndMetadata()
                .get();
        Map<TopicPartition, Long> starts = consumer.beginningOffsets(assign(consumer, topic), PATIENCE);
        starts.replaceAll((partition, start) -> {
            OffsetAndMetadata offset = taken.get(partition);
            return offset == null ? start : Math.max(start, offset.offset());
        });
        readToEnd(consumer, starts, record -> {
            InferenceResult result = serde.deserialize(topic, record.value());
            if (result.getBody() instanceof InferenceOutcome outcome) {
                found.onItsWay(outcome.getMask().getUri());
            }
        });
    }

    private void readCommittedResults(Admin admin, KafkaConsumer<byte[], byte[]> consumer, References.Collector found)
            throws ExecutionException, InterruptedException {
        Deserializer<Segmentation> segmentations =
                settings.records().of(Segmentation.class).deserializer();
        String topic = settings.topics().segmentations();
        if (compacted(admin, topic)) {
            found.newestOnly();
        }
        Map<TopicPartition, Long> starts = consumer.beginningOffsets(assign(consumer, topic), PATIENCE);
        Set<TopicPartition> shortened = new HashSet<>(starts.keySet());
        shortened.removeIf(partition -> starts.get(partition) == 0);
        readToEnd(consumer, starts, record -> {
            TopicPartition partition = new TopicPartition(record.topic(), record.partition());
            if (shortened.remove(partition)) {
                found.knownSince(Instant.ofEpochMilli(record.timestamp()));
            }
            Segmentation result = segmentations.deserialize(topic, record.value());
            found.committed(
                    result.getStudyId(), result.getRevision(), result.getMask().getUri());
        });
        if (!shortened.isEmpty()) {
            found.knownSince(Instant.MAX); // a partition whose results have all expired
        }
    }

    private static boolean compacted(Admin admin, String topic) throws ExecutionException, InterruptedException {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        return admin.describeConfigs(List.of(resource))
                .all()
                .get()
                .get(resource)
                .get(TopicConfig.CLEANUP_POLICY_CONFIG)
                .value()
                .contains(TopicConfig.CLEANUP_POLICY_COMPACT);
    }

    private static List<TopicPartition> assign(KafkaConsumer<byte[], byte[]> consumer, String topic) {
        List<TopicPartition> partitions = consumer.partitionsFor(topic, PATIENCE).stream()
                .map(partition -> new TopicPartition(topic, partition.partition()))
                .toList();
        consumer.assign(partitions);
        return partitions;
    }

    private static void readToEnd(
            KafkaConsumer<byte[], byte[]> consumer,
            Map<TopicPartition, Long> starts,
            Consumer<ConsumerRecord<byte[], byte[]>> each) {
        Map<TopicPartition, Long> ends = new HashMap<>(consumer.endOffsets(starts.keySet(), PATIENCE));
        starts.forEach(consumer::seek);
        while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                if (record.value() != null) {
                    each.accept(record);
                }
            }
        }
    }
}
