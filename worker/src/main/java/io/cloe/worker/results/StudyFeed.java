package io.cloe.worker.results;

import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.QaFeedback;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyFailure;
import io.cloe.schemas.StudyStatus;
import io.cloe.schemas.serde.UnreadableRecordException;
import io.cloe.topology.Topics;
import io.cloe.topology.study.ScanEventCheck;
import io.cloe.worker.kafka.ClientSettings;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads every topic that tells of studies, from its beginning and then as it grows, on a thread of its own and without a consumer
 * group. Whatever happens to it, the worker goes on.
 */
public final class StudyFeed implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(StudyFeed.class);
    private static final Duration POLL = Duration.ofMillis(500);
    private static final Duration PATIENCE = Duration.ofSeconds(15);
    private static final Duration PAUSE_AFTER_FAILURE = Duration.ofSeconds(5);

    private final KafkaConsumer<String, byte[]> consumer;
    private final Map<String, Serde<? extends SpecificRecord>> serdes = new HashMap<>();
    private final Consumer<SpecificRecord> sink;
    private final Thread thread;
    private volatile boolean closed;

    private StudyFeed(ClientSettings settings, Consumer<SpecificRecord> sink) {
        this.sink = sink;
        Topics topics = settings.topics();
        serdes.put(topics.scanEvents(), settings.records().of(ScanEvent.class));
        serdes.put(topics.segmentations(), settings.records().of(Segmentation.class));
        serdes.put(topics.gatingWeights(), settings.records().of(GatingWeights.class));
        serdes.put(topics.studyStatus(), settings.records().of(StudyStatus.class));
        serdes.put(topics.studyFailures(), settings.records().of(StudyFailure.class));
        serdes.put(topics.qaFeedback(), settings.records().of(QaFeedback.class));
        consumer = new KafkaConsumer<>(settings.consumer(), new StringDeserializer(), new ByteArrayDeserializer());
        thread = new Thread(this::run, "cloe-study-feed");
        thread.setDaemon(true);
    }

    /**
     * Starts reading.
     *
     * @param sink receives each committed record, on the feed's thread
     */
    public static StudyFeed start(ClientSettings settings, Consumer<SpecificRecord> sink) {
        StudyFeed feed = new StudyFeed(settings, sink);
        feed.thread.start();
        return feed;
    }

    private void run() {
        try (consumer) {
            while (!closed) {
                try {
                    readOn();
                } catch (KafkaException e) {
                    if (!closed) {
                        LOG.warn(
                                "the list of studies does not follow: {}; trying again",
                                e.getClass().getSimpleName());
                        pause();
                    }
                }
            }
        }
    }

    private void readOn() {
        if (consumer.assignment().isEmpty()) {
            List<TopicPartition> partitions = serdes.keySet().stream()
                    .flatMap(topic -> IntStream.range(
                                    0, consumer.partitionsFor(topic, PATIENCE).size())
                            .mapToObj(partition -> new TopicPartition(topic, partition)))
                    .toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
        }
        while (!closed) {
            for (ConsumerRecord<String, byte[]> record : consumer.poll(POLL)) {
                take(record);
            }
        }
    }

    private void take(ConsumerRecord<String, byte[]> record) {
        if (record.value() == null) {
            return;
        }
        try {
            SpecificRecord value =
                    serdes.get(record.topic()).deserializer().deserialize(record.topic(), record.value());
            if (!(value instanceof ScanEvent event)
                    || ScanEventCheck.problem(record.key(), event).isEmpty()) {
                sink.accept(value);
            }
        } catch (UnreadableRecordException e) {
            // Of a later version, or no record at all: the worker's own dead letters tell of the latter.
            LOG.debug("a record of {} was left out: {}", record.topic(), e.kind());
        }
    }

    private void pause() {
        try {
            Thread.sleep(PAUSE_AFTER_FAILURE.toMillis());
        } catch (InterruptedException e) {
            closed = true;
        }
    }

    /** Stops reading and waits until it has. */
    @Override
    public void close() throws InterruptedException {
        closed = true;
        consumer.wakeup();
        thread.join(PATIENCE.toMillis());
    }
}
