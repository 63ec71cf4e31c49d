package io.cloe.topology;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.ModelComparison;
import io.cloe.schemas.ReprocessCampaign;
import io.cloe.schemas.ReprocessProgress;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyCommand;
import io.cloe.schemas.StudyFailure;
import io.cloe.schemas.StudyState;
import io.cloe.schemas.StudyStatus;
import io.cloe.schemas.serde.RecordFormat;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.topology.study.Counted;
import io.cloe.topology.study.Fixtures;
import io.cloe.topology.study.RuleBook;
import io.cloe.topology.study.StudyRules;
import java.lang.reflect.Field;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.processor.WallclockTimestampExtractor;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.test.TestRecord;

/** The topology in Kafka's driver, with the settings of the worker that decide what happens to bad input. */
final class StudyDriver implements AutoCloseable {

    private static final Topics TOPICS = Topics.withPrefix("");

    final ManualExecutor executor = new ManualExecutor();
    final TestInputTopic<String, ScanEvent> scans;
    final TestInputTopic<String, StudyCommand> commands;
    final TestInputTopic<String, InferenceResult> results;
    final TestInputTopic<String, ReprocessCampaign> campaigns;
    final TestInputTopic<byte[], byte[]> scanBytes;
    final TestOutputTopic<String, Segmentation> segmentations;
    final TestOutputTopic<String, StudyStatus> statuses;
    final TestOutputTopic<String, StudyFailure> failures;
    final TestOutputTopic<String, ModelComparison> comparisons;
    final TestOutputTopic<String, ReprocessProgress> progress;
    final TestOutputTopic<byte[], byte[]> deadLetters;
    private final TopologyTestDriver driver;
    private Instant clock = Fixtures.START;

    StudyDriver(Path stateDirectory, StudyRules rules) {
        this(stateDirectory, rules, KeyPlacement.unknown());
    }

    /** The driver's only partition is 0. */
    StudyDriver(Path stateDirectory, StudyRules rules, KeyPlacement placement) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "test");
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
        settings.put(StreamsConfig.STATE_DIR_CONFIG, stateDirectory.toString());
        settings.put(StreamsConfig.DESERIALIZATION_EXCEPTION_HANDLER_CLASS_CONFIG, DeadLetterHandler.class);
        settings.put(StreamsConfig.ERRORS_DEAD_LETTER_QUEUE_TOPIC_NAME_CONFIG, TOPICS.deadLetters());
        settings.put(StreamsConfig.DEFAULT_TIMESTAMP_EXTRACTOR_CLASS_CONFIG, WallclockTimestampExtractor.class);
        settings.put(StreamsConfig.MAX_TASK_IDLE_MS_CONFIG, StreamsConfig.MAX_TASK_IDLE_MS_DISABLED);
        driver = new TopologyTestDriver(
                StudyTopology.build(
                        TOPICS, RecordFormat.singleObject(), placement, RuleBook.of(rules), Fixtures.GLIOMA, executor),
                settings,
                Fixtures.START);
        scans = input(TOPICS.scanEvents(), ScanEvent.class);
        commands = input(TOPICS.studyCommands(), StudyCommand.class);
        results = input(TOPICS.inferenceResults(), InferenceResult.class);
        campaigns = input(TOPICS.reprocessCampaigns(), ReprocessCampaign.class);
        comparisons = output(TOPICS.modelComparisons(), ModelComparison.class);
        progress = output(TOPICS.reprocessProgress(), ReprocessProgress.class);
        scanBytes = driver.createInputTopic(TOPICS.scanEvents(), new ByteArraySerializer(), new ByteArraySerializer());
        segmentations = output(TOPICS.segmentations(), Segmentation.class);
        statuses = output(TOPICS.studyStatus(), StudyStatus.class);
        failures = output(TOPICS.studyFailures(), StudyFailure.class);
        deadLetters = driver.createOutputTopic(
                TOPICS.deadLetters(), new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private <T extends SpecificRecord> TestInputTopic<String, T> input(String topic, Class<T> type) {
        return driver.createInputTopic(topic, new StringSerializer(), RecordSerde.of(type));
    }

    private <T extends SpecificRecord> TestOutputTopic<String, T> output(String topic, Class<T> type) {
        return driver.createOutputTopic(topic, new StringDeserializer(), RecordSerde.of(type));
    }

    void send(String studyId, String... modalities) {
        for (String modality : modalities) {
            scans.pipeInput(studyId, Fixtures.scan(studyId, modality));
        }
    }

    void finish(InferenceJob job) {
        executor.finished(job);
        results.pipeInput(job.getStudyId(), Fixtures.outcome(job, clock));
    }

    void fail(InferenceJob job, FailureReason reason, boolean retriable) {
        executor.finished(job);
        results.pipeInput(job.getStudyId(), Fixtures.fault(job, null, reason, retriable, clock));
    }

    /** Says that one modality cannot be used. */
    void failOn(InferenceJob job, String modality, FailureReason reason) {
        executor.finished(job);
        results.pipeInput(job.getStudyId(), Fixtures.fault(job, modality, reason, false, clock));
    }

    /** Sets the clock forward, or back when negative, and lets what is due happen. */
    void clock(Duration step) {
        clock = clock.plus(step);
        if (step.isNegative()) {
            setBack(step);
            driver.advanceWallClockTime(Duration.ZERO);
        } else {
            driver.advanceWallClockTime(step);
        }
    }

    /** The driver's own clock refuses to go back, as real ones do not. */
    private void setBack(Duration step) {
        try {
            Field clockOfDriver = TopologyTestDriver.class.getDeclaredField("mockWallClockTime");
            clockOfDriver.setAccessible(true);
            Object time = clockOfDriver.get(driver);
            Field millis = time.getClass().getDeclaredField("timeMs");
            millis.setAccessible(true);
            ((AtomicLong) millis.get(time)).addAndGet(step.toMillis());
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("Kafka's driver keeps its clock elsewhere now", e);
        }
    }

    Instant now() {
        return clock;
    }

    /** Bytes that a study's state takes in the store and in its changelog. */
    int stateBytes(String studyId) {
        return RecordSerde.of(StudyState.class).serialize("", state(studyId)).length;
    }

    StudyState state(String studyId) {
        KeyValueStore<String, StudyState> studies = driver.getKeyValueStore(StudyTopology.StoreNames.STUDIES);
        return studies.get(studyId);
    }

    /** How often something was counted. */
    long counted(Counted what) {
        String name = what.name().toLowerCase(Locale.ROOT).replace('_', '-') + "-total";
        return driver.metrics().entrySet().stream()
                .filter(metric -> metric.getKey().name().equals(name))
                .mapToLong(metric -> ((Double) metric.getValue().metricValue()).longValue())
                .sum();
    }

    /** Size of the largest record that was written to the failures and dead letters since the last call. */
    int largestRefusal() {
        int largest = 0;
        for (String topic : List.of(TOPICS.studyFailures(), TOPICS.deadLetters())) {
            TestOutputTopic<byte[], byte[]> records =
                    driver.createOutputTopic(topic, new ByteArrayDeserializer(), new ByteArrayDeserializer());
            for (TestRecord<byte[], byte[]> record : records.readRecordsToList()) {
                int headers = 0;
                for (var header : record.headers()) {
                    headers += header.key().length() + (header.value() == null ? 0 : header.value().length);
                }
                largest = Math.max(largest, length(record.key()) + length(record.value()) + headers);
            }
        }
        return largest;
    }

    private static int length(byte[] bytes) {
        return bytes == null ? 0 : bytes.length;
    }

    @Override
    public void close() {
        driver.close();
    }
}
