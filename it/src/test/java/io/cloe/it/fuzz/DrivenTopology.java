package io.cloe.it.fuzz;

import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.topology.DeadLetterHandler;
import io.cloe.topology.InferenceExecutor;
import io.cloe.topology.StudyTopology;
import io.cloe.topology.Topics;
import io.cloe.topology.study.Fixtures;
import io.cloe.topology.study.RuleBook;
import io.cloe.topology.study.StudyRules;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.processor.WallclockTimestampExtractor;
import org.apache.kafka.streams.test.TestRecord;

/**
 * The topology in Kafka's driver, in the caller's thread: what would end a stream thread is thrown to the caller. Bad records go to
 * the dead letters as in a worker. Starts over from time to time, so that its stores stay small.
 */
final class DrivenTopology implements AutoCloseable {

    static final Topics TOPICS = Topics.withPrefix("");
    private static final Instant START = Instant.parse("2026-01-05T08:00:00Z");
    private static final int RECORDS_PER_LIFE = 5_000;
    private static final List<String> OUTPUTS =
            List.of(TOPICS.studyFailures(), TOPICS.studyStatus(), TOPICS.gatingWeights(), TOPICS.deadLetters());

    private final Path folder;
    private final Jobs jobs = new Jobs();
    private TopologyTestDriver driver;
    private int records;
    private int lives;
    private int goodStudies;

    DrivenTopology(Path folder) {
        this.folder = folder;
        open();
    }

    private void open() {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "fuzz");
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
        settings.put(
                StreamsConfig.STATE_DIR_CONFIG,
                folder.resolve("life-" + lives++).toString());
        settings.put(StreamsConfig.DESERIALIZATION_EXCEPTION_HANDLER_CLASS_CONFIG, DeadLetterHandler.class);
        settings.put(StreamsConfig.ERRORS_DEAD_LETTER_QUEUE_TOPIC_NAME_CONFIG, TOPICS.deadLetters());
        settings.put(StreamsConfig.DEFAULT_TIMESTAMP_EXTRACTOR_CLASS_CONFIG, WallclockTimestampExtractor.class);
        settings.put(StreamsConfig.MAX_TASK_IDLE_MS_CONFIG, StreamsConfig.MAX_TASK_IDLE_MS_DISABLED);
        driver = new TopologyTestDriver(
                StudyTopology.build(TOPICS, RuleBook.of(StudyRules.defaults()), Fixtures.GLIOMA, jobs),
                settings,
                START);
        jobs.waiting.clear();
        records = 0;
    }

    /** Takes a record; key and value as they lie in the topic. */
    void pipe(String topic, byte[] key, byte[] value) {
        driver.createInputTopic(topic, new ByteArraySerializer(), new ByteArraySerializer())
                .pipeInput(key, value);
        records++;
    }

    /** Lets time pass; timers that are due fire. */
    void advance(Duration time) {
        driver.advanceWallClockTime(time);
    }

    /** Bytes of the largest record that came out since the last call, and forgets all of them. */
    int drain() {
        int largest = 0;
        for (String topic : OUTPUTS) {
            TestOutputTopic<byte[], byte[]> output =
                    driver.createOutputTopic(topic, new ByteArrayDeserializer(), new ByteArrayDeserializer());
            for (TestRecord<byte[], byte[]> record : output.readRecordsToList()) {
                largest = Math.max(largest, record.value() == null ? 0 : record.value().length);
            }
        }
        segmentations();
        return largest;
    }

    private List<TestRecord<String, Segmentation>> segmentations() {
        return driver.createOutputTopic(
                        TOPICS.segmentations(), new StringDeserializer(), RecordSerde.of(Segmentation.class))
                .readRecordsToList();
    }

    /** Requires that a study that follows all rules gets its result, whatever was sent before. */
    void requireGoodStudy() throws ViolationException {
        drain();
        if (records >= RECORDS_PER_LIFE) {
            driver.close();
            open();
        }
        String study = "good-" + goodStudies++;
        RecordSerde<ScanEvent> scans = RecordSerde.of(ScanEvent.class);
        for (String modality : Fixtures.MODALITIES) {
            pipe(TOPICS.scanEvents(), bytes(study), scans.serialize("", Fixtures.scan(study, modality)));
        }
        InferenceJob job = jobs.waiting.values().stream()
                .filter(waiting -> waiting.getStudyId().equals(study))
                .findFirst()
                .orElseThrow(() -> new ViolationException("a good study got no job"));
        pipe(
                TOPICS.inferenceResults(),
                bytes(study),
                RecordSerde.of(InferenceResult.class).serialize("", Fixtures.outcome(job, START)));
        if (segmentations().stream().noneMatch(result -> study.equals(result.key()))) {
            throw new ViolationException("a good study got no result");
        }
    }

    static byte[] bytes(String text) {
        return text.getBytes(java.nio.charset.StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
        driver.close();
    }

    /** Keeps jobs that nobody does. */
    private static final class Jobs implements InferenceExecutor {

        private final Map<String, InferenceJob> waiting = new LinkedHashMap<>();

        @Override
        public Lease open(int partition) {
            return new Lease() {
                @Override
                public void submit(InferenceJob job) {
                    waiting.put(job.getJobId(), job);
                }

                @Override
                public void cancel(String jobId) {
                    waiting.remove(jobId);
                }

                @Override
                public void close() {
                    waiting.clear();
                }
            };
        }
    }
}
