package io.cloe.topology;

import static io.cloe.topology.study.Fixtures.GLIOMA;
import static io.cloe.topology.study.Fixtures.START;
import static io.cloe.topology.study.Fixtures.event;
import static io.cloe.topology.study.Fixtures.fault;
import static io.cloe.topology.study.Fixtures.outcome;
import static io.cloe.topology.study.Fixtures.scan;
import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyCommand;
import io.cloe.schemas.StudyFailure;
import io.cloe.schemas.StudyPhase;
import io.cloe.schemas.StudyState;
import io.cloe.schemas.StudyStatus;
import io.cloe.schemas.TaskClaim;
import io.cloe.schemas.Trigger;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.topology.study.Fixtures;
import io.cloe.topology.study.RuleBook;
import io.cloe.topology.study.StudyRules;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.test.TestRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StudyTopologyTest {

    private static final Topics TOPICS = Topics.withPrefix("");

    @TempDir
    Path stateDirectory;

    private final ManualExecutor executor = new ManualExecutor();
    private final Topology topology = StudyTopology.build(TOPICS, RuleBook.of(StudyRules.defaults()), GLIOMA, executor);
    private TopologyTestDriver driver;
    private TestInputTopic<String, ScanEvent> scans;
    private TestInputTopic<String, StudyCommand> commands;
    private TestInputTopic<String, InferenceResult> results;
    private TestOutputTopic<String, Segmentation> segmentations;
    private TestOutputTopic<String, GatingWeights> weights;
    private TestOutputTopic<String, StudyStatus> statuses;
    private TestOutputTopic<String, StudyFailure> failures;

    @BeforeEach
    void start() {
        start(Map.of());
    }

    private void start(Map<String, Object> more) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "test");
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
        settings.put(StreamsConfig.STATE_DIR_CONFIG, stateDirectory.toString());
        settings.put(StreamsConfig.DESERIALIZATION_EXCEPTION_HANDLER_CLASS_CONFIG, DeadLetterHandler.class);
        settings.put(StreamsConfig.ERRORS_DEAD_LETTER_QUEUE_TOPIC_NAME_CONFIG, TOPICS.deadLetters());
        settings.putAll(more);
        driver = new TopologyTestDriver(topology, settings, START);
        scans = input(TOPICS.scanEvents(), ScanEvent.class);
        commands = input(TOPICS.studyCommands(), StudyCommand.class);
        results = input(TOPICS.inferenceResults(), InferenceResult.class);
        segmentations = output(TOPICS.segmentations(), Segmentation.class);
        weights = output(TOPICS.gatingWeights(), GatingWeights.class);
        statuses = output(TOPICS.studyStatus(), StudyStatus.class);
        failures = output(TOPICS.studyFailures(), StudyFailure.class);
    }

    @AfterEach
    void stop() {
        if (driver != null) {
            driver.close();
        }
    }

    @Test
    void shouldMatchDiagramWhenBuilt() throws IOException {
        Path golden = Path.of("src/test/resources/topology.txt");
        String description = topology.describe().toString();
        if (System.getProperty("cloe.topology.accept") != null) {
            Files.writeString(golden, description);
        }
        assertThat(description)
                .as("node, store and topic names are a contract; after an intended change run once with"
                        + " -Dcloe.topology.accept")
                .isEqualTo(Files.readString(golden));
    }

    @Test
    void shouldWriteEveryChangeWhenTheCacheIsTooSmallForAnything() {
        driver.close();
        start(Map.of(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 1));

        scans.pipeInput("s", Fixtures.scan("s", "T1"));
        scans.pipeInput("s", Fixtures.scan("s", "T2"));

        KeyValueStore<String, StudyState> studies = driver.getKeyValueStore(StudyTopology.StoreNames.STUDIES);
        assertThat(studies.get("s").getScans()).hasSize(2);
        assertThat(statuses.readValuesToList()).hasSize(2);
    }

    @Test
    void shouldPublishResultAndWeightsWhenJobEnds() {
        sendAll("s", "T1", "T1CE", "T2", "FLAIR");
        finish(executor.onlyJob());

        Segmentation result = segmentations.readValue();
        assertThat(result.getRevision()).isZero();
        assertThat(result.getTrigger()).isEqualTo(Trigger.COMPLETE);
        assertThat(weights.readValue().getModalities()).hasSize(4);
        assertThat(segmentations.isEmpty()).isTrue();
        assertThat(lastStatus().getPhase()).isEqualTo(StudyPhase.SEGMENTED);
    }

    @Test
    void shouldRunAtDeadlineWhenNoOtherTrafficFlows() {
        sendAll("s", "T1", "T2");
        driver.advanceWallClockTime(Duration.ofMinutes(14));
        assertThat(executor.jobs()).isEmpty();

        driver.advanceWallClockTime(Duration.ofMinutes(1));

        assertThat(executor.onlyJob().getTrigger()).isEqualTo(Trigger.DEADLINE);
    }

    @Test
    void shouldFireEachDeadlineWhenManyStudiesWait() {
        for (int i = 0; i < 3_000; i++) {
            scans.pipeInput("s" + i, scan("s" + i, "T1"));
            driver.advanceWallClockTime(Duration.ofMillis(1));
        }
        driver.advanceWallClockTime(Duration.ofMinutes(15));
        for (int round = 0; round < 3; round++) {
            driver.advanceWallClockTime(Duration.ofMillis(1));
        }

        assertThat(executor.jobs()).hasSize(3_000);
    }

    @Test
    void shouldIgnoreResultWhenNothingIsPending() {
        sendAll("s", "T1", "T1CE", "T2", "FLAIR");
        InferenceJob job = executor.onlyJob();
        finish(job);
        finish(job);

        assertThat(segmentations.readValuesToList()).hasSize(1);
    }

    @Test
    void shouldConsumeClaimWithoutOutputWhenTaskStarts() {
        results.pipeInput("", new InferenceResult("", "", new TaskClaim("c")));

        assertThat(statuses.isEmpty()).isTrue();
        assertThat(executor.leasesOpened()).containsExactly(0);
    }

    @Test
    void shouldCloseLeaseWhenTaskCloses() {
        assertThat(executor.openLeases()).isEqualTo(1);
        driver.close();
        driver = null;
        assertThat(executor.openLeases()).isZero();
    }

    @Test
    void shouldReportFailureAndGoOnWhenVolumeIsBad() {
        sendAll("s", "T1", "T1CE", "T2", "FLAIR");
        InferenceJob job = executor.onlyJob();
        executor.finished(job);
        results.pipeInput("s", fault(job, "T1", FailureReason.VOLUME_CORRUPT, false, now()));

        assertThat(failures.readValue().getReason()).isEqualTo(FailureReason.VOLUME_CORRUPT);
        finish(executor.onlyJob());
        assertThat(segmentations.readValue().getUsed()).hasSize(3);
    }

    @Test
    void shouldReportFailureWhenModalityIsUnknown() {
        scans.pipeInput("s", scan("s", "ADC"));

        StudyFailure failure = failures.readValue();
        assertThat(failure.getReason()).isEqualTo(FailureReason.UNKNOWN_MODALITY);
        assertThat(failure.getModality()).isEqualTo("ADC");
        assertThat(failure.getSourceTopic()).isEqualTo(TOPICS.scanEvents());
        assertThat(statuses.isEmpty()).isTrue();
    }

    @Test
    void shouldReportFailureWhenKeyIsNotTheStudy() {
        scans.pipeInput("other", scan("s", "T1"));

        assertThat(failures.readValue().getReason()).isEqualTo(FailureReason.INVALID_EVENT);
    }

    @Test
    void shouldReportFailureWhenFamilyIsUnknown() {
        scans.pipeInput("s", event("s", "T1", 0).setModelFamily("knee").build());

        assertThat(failures.readValue().getReason()).isEqualTo(FailureReason.UNKNOWN_FAMILY);
    }

    @Test
    void shouldSendDeadLetterWhenRecordCannotBeRead() {
        driver.createInputTopic(TOPICS.scanEvents(), new StringSerializer(), new ByteArraySerializer())
                .pipeInput("s", "not avro".getBytes(StandardCharsets.UTF_8));

        TestRecord<byte[], byte[]> letter = driver.createOutputTopic(
                        TOPICS.deadLetters(), new ByteArrayDeserializer(), new ByteArrayDeserializer())
                .readRecord();
        assertThat(new String(letter.value(), StandardCharsets.UTF_8)).isEqualTo("not avro");
        assertThat(new String(
                        letter.headers().lastHeader("__streams.errors.message").value(), StandardCharsets.UTF_8))
                .startsWith("UNKNOWN_WIRE_FORM");
        sendAll("s", "T1", "T1CE", "T2", "FLAIR");
        assertThat(executor.jobs()).hasSize(1);
    }

    @Test
    void shouldCarryTraceWhenEventHasOne() {
        TestRecord<String, ScanEvent> traced = new TestRecord<>("s", scan("s", "T1"));
        traced.headers().add("traceparent", "00-aa-bb-01".getBytes(StandardCharsets.US_ASCII));
        scans.pipeInput(traced);
        driver.advanceWallClockTime(Duration.ofMinutes(15));
        finish(executor.onlyJob());

        TestRecord<String, Segmentation> result = segmentations.readRecord();
        assertThat(result.value().getTraceparent()).isEqualTo("00-aa-bb-01");
        assertThat(new String(result.headers().lastHeader("traceparent").value(), StandardCharsets.US_ASCII))
                .isEqualTo("00-aa-bb-01");
    }

    private void sendAll(String studyId, String... modalities) {
        for (String modality : modalities) {
            scans.pipeInput(studyId, scan(studyId, modality));
        }
    }

    private void finish(InferenceJob job) {
        executor.finished(job);
        results.pipeInput(job.getStudyId(), outcome(job, now()));
    }

    private StudyStatus lastStatus() {
        List<StudyStatus> all = statuses.readValuesToList();
        return all.get(all.size() - 1);
    }

    private Instant now() {
        return START.plus(Duration.ofMinutes(20));
    }

    private <T extends SpecificRecord> TestInputTopic<String, T> input(String topic, Class<T> type) {
        return driver.createInputTopic(topic, new StringSerializer(), RecordSerde.of(type));
    }

    private <T extends SpecificRecord> TestOutputTopic<String, T> output(String topic, Class<T> type) {
        return driver.createOutputTopic(topic, new StringDeserializer(), RecordSerde.of(type));
    }
}
