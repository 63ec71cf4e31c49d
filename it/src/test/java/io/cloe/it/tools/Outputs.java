package io.cloe.it.tools;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.ModelComparison;
import io.cloe.schemas.ReprocessProgress;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyFailure;
import io.cloe.schemas.StudyPhase;
import io.cloe.schemas.StudyStatus;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.topology.Topics;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * What a consumer that reads committed records has seen of the output topics, from their beginning. For one thread; it reads only
 * inside its methods that wait.
 */
public final class Outputs implements AutoCloseable {

    private final Topics topics;
    private final Consumer<byte[], byte[]> consumer;
    private final List<TopicPartition> partitions = new ArrayList<>();
    private final Map<String, RecordSerde<? extends SpecificRecord>> serdes = new HashMap<>();
    private final List<Seen> seen = new ArrayList<>();

    /**
     * A record of an output topic.
     *
     * @param record as it was read
     * @param value decoded; null for a dead letter
     */
    public record Seen(ConsumerRecord<byte[], byte[]> record, SpecificRecord value) {

        /** A header's text. */
        public Optional<String> header(String name) {
            Header header = record.headers().lastHeader(name);
            return Optional.ofNullable(header).map(found -> new String(found.value(), StandardCharsets.UTF_8));
        }
    }

    /** Reads the topics at the given broker; they must exist. */
    public Outputs(String broker, Topics topics) {
        this.topics = topics;
        serdes.put(topics.segmentations(), RecordSerde.of(Segmentation.class));
        serdes.put(topics.gatingWeights(), RecordSerde.of(GatingWeights.class));
        serdes.put(topics.studyStatus(), RecordSerde.of(StudyStatus.class));
        serdes.put(topics.studyFailures(), RecordSerde.of(StudyFailure.class));
        serdes.put(topics.reprocessProgress(), RecordSerde.of(ReprocessProgress.class));
        serdes.put(topics.modelComparisons(), RecordSerde.of(ModelComparison.class));
        consumer = new KafkaConsumer<>(
                Map.of(
                        ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG,
                        broker,
                        ConsumerConfig.ISOLATION_LEVEL_CONFIG,
                        "read_committed"),
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer());
        for (String topic : topics.outputs()) {
            for (PartitionInfo partition : consumer.partitionsFor(topic)) {
                partitions.add(new TopicPartition(topic, partition.partition()));
            }
        }
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
    }

    /** Reads until a condition on what was seen holds. */
    public void await(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + Waiting.PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > end) {
                throw new AssertionError("not seen in time: " + what + "; seen was:\n" + story());
            }
            poll();
        }
    }

    /** Reads all that is committed by now. */
    public void drain() {
        Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
        await("the end of all output topics", () -> ends.entrySet().stream()
                .allMatch(end -> consumer.position(end.getKey()) >= end.getValue()));
    }

    private void poll() {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
            RecordSerde<? extends SpecificRecord> serde = serdes.get(record.topic());
            seen.add(new Seen(record, serde == null ? null : serde.deserialize(record.topic(), record.value())));
        }
    }

    /** Waits for a revision of a study: its mask and its weights. */
    public Segmentation awaitResult(String studyId, int revision) {
        await("revision " + revision + " of " + studyId, () -> has(studyId, revision));
        return segmentation(studyId, revision).orElseThrow();
    }

    private boolean has(String studyId, int revision) {
        return segmentation(studyId, revision).isPresent()
                && weights(studyId, revision).isPresent();
    }

    /** Waits until a study stands in a phase. */
    public StudyStatus awaitPhase(String studyId, StudyPhase phase) {
        await(
                studyId + " to be " + phase,
                () -> status(studyId).map(status -> status.getPhase() == phase).orElse(false));
        return status(studyId).orElseThrow();
    }

    /** Everything seen, in the order of reading. */
    public List<Seen> all() {
        return List.copyOf(seen);
    }

    /** Everything seen of one study in one topic. */
    public <T extends SpecificRecord> List<T> of(String studyId, Class<T> type) {
        return values(type)
                .filter(value -> studyId.equals(
                        value.get(value.getSchema().getField("studyId").pos())))
                .toList();
    }

    private <T extends SpecificRecord> Stream<T> values(Class<T> type) {
        return seen.stream().map(Seen::value).filter(type::isInstance).map(type::cast);
    }

    /** All revisions of a study, in the order of reading. */
    public List<Segmentation> segmentations(String studyId) {
        return of(studyId, Segmentation.class);
    }

    /** A revision's mask. */
    public Optional<Segmentation> segmentation(String studyId, int revision) {
        return segmentations(studyId).stream()
                .filter(one -> one.getRevision() == revision)
                .findFirst();
    }

    /** A revision's weights. */
    public Optional<GatingWeights> weights(String studyId, int revision) {
        return of(studyId, GatingWeights.class).stream()
                .filter(one -> one.getRevision() == revision)
                .findFirst();
    }

    /** A study's newest status. */
    public Optional<StudyStatus> status(String studyId) {
        return of(studyId, StudyStatus.class).stream().reduce((former, later) -> later);
    }

    /** A study's failures as {@code REASON MODALITY}. */
    public List<String> failures(String studyId) {
        return of(studyId, StudyFailure.class).stream()
                .map(failure -> text(failure.getReason(), failure.getModality()))
                .toList();
    }

    /** A failure as {@link #failures} writes it. */
    public static String text(FailureReason reason, String modality) {
        return modality == null ? reason.name() : reason + " " + modality;
    }

    /** Records that could not be read. */
    public List<Seen> deadLetters() {
        return seen.stream()
                .filter(one -> one.record().topic().equals(topics.deadLetters()))
                .toList();
    }

    /** How many records of each study were published as results, by {@code study#revision}. */
    public Map<String, Long> resultCounts() {
        return values(Segmentation.class)
                .collect(Collectors.groupingBy(
                        one -> one.getStudyId() + "#" + one.getRevision(), TreeMap::new, Collectors.counting()));
    }

    /** Like {@link #resultCounts}, of the weights. */
    public Map<String, Long> weightCounts() {
        return values(GatingWeights.class)
                .collect(Collectors.groupingBy(
                        one -> one.getStudyId() + "#" + one.getRevision(), TreeMap::new, Collectors.counting()));
    }

    private String story() {
        return seen.stream()
                .map(one -> one.record().topic() + " " + one.value())
                .collect(Collectors.joining("\n"));
    }

    @Override
    public void close() {
        consumer.close();
    }
}
