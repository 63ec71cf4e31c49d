package io.cloe.worker.submit;

import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.serde.UnreadableRecordException;
import io.cloe.worker.kafka.ClientSettings;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongConsumer;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Sends retained scan events to the worker's topic once more, in the order in which each partition has them, with their headers. Events
 * keep their ids: a study that still knows them is not changed. A study that has expired, or that no worker has seen, begins anew.
 */
public final class EventReplay {

    private static final Duration PATIENCE = Duration.ofSeconds(15);
    private static final Duration POLL = Duration.ofMillis(200);

    private final ClientSettings settings;
    private final String topic;

    /**
     * @param topic holds scan events, keyed by study: the worker's own, or a copy of it
     */
    public EventReplay(ClientSettings settings, String topic) {
        this.settings = settings;
        this.topic = topic;
    }

    /**
     * Which events.
     *
     * @param since time of the record, inclusive
     * @param until exclusive; now at the latest
     * @param studyIds empty for all
     */
    public record Selection(Instant since, Optional<Instant> until, Set<String> studyIds) {

        public Selection {
            studyIds = Set.copyOf(studyIds);
        }

        boolean includes(Instant recorded, String studyId) {
            return !recorded.isBefore(since)
                    && until.map(recorded::isBefore).orElse(true)
                    && (studyIds.isEmpty() || studyIds.contains(studyId));
        }
    }

    /**
     * What was sent.
     *
     * @param events that were sent, or would be; each id once
     * @param studies that they belong to
     * @param unreadable records that are none of this build's
     */
    public record Sent(long events, int studies, long unreadable) {}

    /**
     * The event as it is sent once more. A deadline that has passed is left out: it would close the study with the first of its scans.
     */
    static ScanEvent again(ScanEvent event, Instant now) {
        boolean passed = event.getDeadline() != null && !event.getDeadline().isAfter(now);
        return passed ? ScanEvent.newBuilder(event).setDeadline(null).build() : event;
    }

    /**
     * Sends what the topic holds at this moment.
     *
     * @param really false to count only
     * @param progress told from time to time how much of the topic, in thousandths, was read
     * @throws IOException if there is no such topic, or the brokers do not take an event
     */
    public Sent send(Selection selection, boolean really, LongConsumer progress) throws IOException {
        AtomicReference<Exception> failure = new AtomicReference<>();
        Set<String> studies = new HashSet<>();
        Set<UUID> known = new HashSet<>();
        long events = 0;
        long unreadable = 0;
        try (Consumer<String, byte[]> consumer = new KafkaConsumer<>(
                        settings.consumer(), new StringDeserializer(), new ByteArrayDeserializer());
                Producer<String, ScanEvent> producer = producer()) {
            Map<TopicPartition, Long> starts = new HashMap<>();
            Map<TopicPartition, Long> ends = assign(consumer, selection.since(), starts);
            while (!isRead(consumer, ends) && failure.get() == null) {
                for (ConsumerRecord<String, byte[]> record : consumer.poll(POLL)) {
                    TopicPartition partition = new TopicPartition(record.topic(), record.partition());
                    boolean wanted = record.offset() < ends.get(partition)
                            && record.value() != null
                            && selection.includes(Instant.ofEpochMilli(record.timestamp()), record.key());
                    Optional<ScanEvent> event = wanted ? read(record) : Optional.empty();
                    unreadable += wanted && event.isEmpty() ? 1 : 0;
                    // What an earlier call sent again lies in the topic too; without this, each call would send twice
                    // as much.
                    if (event.isPresent() && known.add(name(event.get()))) {
                        events++;
                        studies.add(record.key());
                        if (really) {
                            producer.send(again(record, event.get()), (metadata, failed) -> {
                                if (failed != null) {
                                    failure.compareAndSet(null, failed);
                                }
                            });
                        }
                    }
                }
                progress.accept(thousandths(consumer, starts, ends));
            }
            producer.flush();
        }
        if (failure.get() != null) {
            throw new IOException(
                    "Kafka does not take an event: " + failure.get().getMessage()
                            + "; run the command once more, events that came are not counted twice",
                    failure.get());
        }
        return new Sent(events, studies.size(), unreadable);
    }

    private static UUID name(ScanEvent event) {
        return UUID.nameUUIDFromBytes(
                (event.getStudyId() + "\n" + event.getEventId()).getBytes(StandardCharsets.UTF_8));
    }

    private Producer<String, ScanEvent> producer() {
        Map<String, Object> producerSettings = settings.producer();
        producerSettings.put(ProducerConfig.ACKS_CONFIG, "all");
        producerSettings.putIfAbsent(ProducerConfig.MAX_BLOCK_MS_CONFIG, (int) PATIENCE.toMillis());
        return new KafkaProducer<>(
                producerSettings,
                new StringSerializer(),
                settings.records().of(ScanEvent.class).serializer());
    }

    /** From the worker's own topic it goes back to its partition, where the study's state is whoever placed the record there. */
    private ProducerRecord<String, ScanEvent> again(ConsumerRecord<String, byte[]> record, ScanEvent event) {
        String target = settings.topics().scanEvents();
        Integer partition = topic.equals(target) ? record.partition() : null;
        return new ProducerRecord<>(
                target, partition, null, record.key(), again(event, Instant.now()), record.headers());
    }

    private Optional<ScanEvent> read(ConsumerRecord<String, byte[]> record) {
        try {
            return Optional.of(
                    settings.records().of(ScanEvent.class).deserializer().deserialize(record.topic(), record.value()));
        } catch (UnreadableRecordException e) {
            return Optional.empty();
        }
    }

    private Map<TopicPartition, Long> assign(
            Consumer<String, byte[]> consumer, Instant since, Map<TopicPartition, Long> starts) throws IOException {
        List<PartitionInfo> infos = consumer.listTopics(PATIENCE).get(topic);
        if (infos == null) {
            throw new IOException("there is no topic " + topic);
        }
        List<TopicPartition> partitions = new ArrayList<>();
        Map<TopicPartition, Long> times = new HashMap<>();
        for (PartitionInfo info : infos) {
            TopicPartition partition = new TopicPartition(topic, info.partition());
            partitions.add(partition);
            times.put(partition, since.toEpochMilli());
        }
        consumer.assign(partitions);
        Map<TopicPartition, Long> ends = consumer.endOffsets(partitions, PATIENCE);
        Map<TopicPartition, OffsetAndTimestamp> found = consumer.offsetsForTimes(times, PATIENCE);
        for (TopicPartition partition : partitions) {
            OffsetAndTimestamp start = found.get(partition);
            starts.put(partition, start == null ? ends.get(partition) : start.offset());
            consumer.seek(partition, starts.get(partition));
        }
        return ends;
    }

    private static boolean isRead(Consumer<String, byte[]> consumer, Map<TopicPartition, Long> ends) {
        return ends.entrySet().stream().allMatch(end -> consumer.position(end.getKey()) >= end.getValue());
    }

    private static long thousandths(
            Consumer<String, byte[]> consumer, Map<TopicPartition, Long> starts, Map<TopicPartition, Long> ends) {
        long all = 0;
        long read = 0;
        for (Map.Entry<TopicPartition, Long> end : ends.entrySet()) {
            long start = starts.get(end.getKey());
            all += end.getValue() - start;
            read += Math.min(end.getValue(), consumer.position(end.getKey())) - start;
        }
        return all == 0 ? 1_000 : 1_000 * read / all;
    }
}
