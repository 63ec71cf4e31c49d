package io.cloe.topology;

import static io.cloe.topology.study.Fixtures.event;
import static io.cloe.topology.study.Fixtures.replaced;
import static io.cloe.topology.study.Fixtures.scan;
import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.CommandKind;
import io.cloe.schemas.FailureReason;
import io.cloe.schemas.InferenceFaults;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.StudyCommand;
import io.cloe.schemas.StudyFailure;
import io.cloe.schemas.Trigger;
import io.cloe.schemas.VolumeReference;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.topology.study.Counted;
import io.cloe.topology.study.Fixtures;
import io.cloe.topology.study.ScanEventCheck;
import io.cloe.topology.study.StudyRules;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.kafka.streams.test.TestRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What no sender should send: each is refused, counted or bounded, nothing is thrown, and other studies go on. */
class AbsurdInputTest {

    /** What a study's state may take at most, whatever was sent; far below the 1 MiB that Kafka's producer sends. */
    private static final int LARGEST_STATE = 256 << 10;

    /** What the state of a study with ids and locations of usual length may take. */
    private static final int LARGEST_USUAL_STATE = 16 << 10;

    /** What is written of an event that is refused, key included. */
    private static final int LARGEST_REFUSAL = 2 << 10;

    private static final int LARGEST_RECORD = 1 << 20;

    @TempDir
    Path stateDirectory;

    private StudyDriver topology;

    @BeforeEach
    void start() {
        topology = new StudyDriver(stateDirectory, StudyRules.defaults());
    }

    @AfterEach
    void stop() {
        topology.close();
    }

    private void requireOthersGoOn() {
        topology.executor.jobs().forEach(topology.executor::finished);
        topology.send("other", "T1", "T1CE", "T2", "FLAIR");
        assertThat(topology.executor.onlyJob().getStudyId()).isEqualTo("other");
    }

    static Stream<Arguments> refusedEvents() {
        Consumer<ScanEvent.Builder> longUri = event -> event.setVolume(volume("file:///" + "u".repeat(900_000)));
        return Stream.of(
                refused("empty event id", event -> event.setEventId("")),
                refused("blank event id", event -> event.setEventId(" \t ")),
                refused("event id of 300 characters", event -> event.setEventId("e".repeat(300))),
                refused("event id of 900 KB", event -> event.setEventId("e".repeat(900_000))),
                refused("control characters in an event id", event -> event.setEventId("\u001b[2Je\u0000")),
                refused("event id that is no text", event -> event.setEventId("e\uFFFD")),
                refused("negative revision", event -> event.setScanRevision(Integer.MIN_VALUE)),
                refused("no volume", event -> event.setVolume(null)),
                refused("location of 900 KB", longUri),
                refused(
                        "format of 64 KB",
                        event -> event.setVolume(new VolumeReference("file:///v", "f".repeat(1 << 16), null, null))),
                refused(
                        "digest of 64 KB",
                        event -> event.setVolume(new VolumeReference("file:///v", "nifti", null, "a".repeat(1 << 16)))),
                refused("attribute of 64 KB", event -> event.setAttributes(Map.of("a", "v".repeat(1 << 16)))),
                refused(
                        "1000 attributes of 100 characters",
                        event -> event.setAttributes(IntStream.range(0, 1_000)
                                .boxed()
                                .collect(Collectors.toMap(i -> "attribute-" + i, i -> "v".repeat(100))))),
                refused(
                        "60 000 expected modalities",
                        event -> event.setExpectedModalities(Collections.nCopies(60_000, "T1"))));
    }

    private static Arguments refused(String what, Consumer<ScanEvent.Builder> absurdity) {
        return Arguments.of(what, absurdity);
    }

    private static VolumeReference volume(String uri) {
        return new VolumeReference(uri, "nifti", null, null);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("refusedEvents")
    void shouldRefuseEventWhenNoRuleCanWorkWithIt(String what, Consumer<ScanEvent.Builder> absurdity) {
        ScanEvent.Builder event = event("s", "T1", 0);
        absurdity.accept(event);
        topology.scans.pipeInput("s", event.build());

        StudyFailure failure = topology.failures.readValue();
        assertThat(failure.getReason()).isEqualTo(FailureReason.INVALID_EVENT);
        assertThat(failure.getStudyId()).isEqualTo("s");
        assertThat(failure.getEventId()).hasSizeLessThanOrEqualTo(ScanEventCheck.LONGEST_ID);
        assertThat(failure.getEventId().chars().anyMatch(Character::isISOControl))
                .isFalse();
        assertThat(topology.state("s")).isNull();
        requireOthersGoOn();
    }

    static Stream<String> absurdStudyIds() {
        return Stream.of("", "  ", "\u0007bell", "new\nline", "s\uFFFD", "s".repeat(300), "\u00FC".repeat(400_000));
    }

    @ParameterizedTest
    @MethodSource("absurdStudyIds")
    void shouldRefuseBoundedlyWhenTheStudyIdIsAbsurd(String studyId) {
        topology.scans.pipeInput(
                studyId, event("s", "T1", 0).setStudyId(studyId).build());
        topology.commands.pipeInput(
                studyId, new StudyCommand("c", studyId, CommandKind.FORCE, null, null, Fixtures.START));

        assertThat(topology.counted(Counted.REFUSED_EVENT)).isEqualTo(1);
        assertThat(topology.counted(Counted.IGNORED_COMMAND)).isEqualTo(1);
        assertThat(topology.largestRefusal()).isBetween(1, LARGEST_REFUSAL);
        requireOthersGoOn();
    }

    @Test
    void shouldRefuseWhenModalityOrFamilyIsAbsurd() {
        for (String name : List.of("", " ", "t1", "T1\u0000", "m".repeat(900_000))) {
            topology.scans.pipeInput("s", event("s", "T1", 0).setModality(name).build());
            topology.scans.pipeInput(
                    "s", event("s", "T1", 0).setModelFamily(name).build());
        }

        List<StudyFailure> failures = topology.failures.readValuesToList();
        assertThat(failures)
                .extracting(StudyFailure::getReason)
                .hasSize(10)
                .containsOnly(FailureReason.UNKNOWN_MODALITY, FailureReason.UNKNOWN_FAMILY);
        assertThat(failures)
                .extracting(StudyFailure::getModality)
                .allMatch(modality -> modality == null || modality.length() <= 32);
        requireOthersGoOn();
    }

    @Test
    void shouldIgnoreWhatTheFamilyDoesNotKnowWhenModalitiesAreExpected() {
        List<String> many = IntStream.range(0, 250).mapToObj(i -> "M" + i).collect(Collectors.toList());
        many.add("T1");
        topology.scans.pipeInput(
                "s", event("s", "T1", 0).setExpectedModalities(many).build());

        assertThat(topology.executor.onlyJob().getTrigger()).isEqualTo(Trigger.COMPLETE);
        assertThat(topology.stateBytes("s")).isLessThan(LARGEST_USUAL_STATE);
    }

    @Test
    void shouldCountWhenKeyOrValueIsMissing() {
        topology.scans.pipeInput("s", null);
        topology.scanBytes.pipeInput(new TestRecord<>(null, (byte[]) null));
        topology.commands.pipeInput("s", null);
        topology.results.pipeInput("s", null);
        topology.scans.pipeInput(null, scan("s", "T1"));

        assertThat(topology.counted(Counted.EMPTY_RECORD)).isEqualTo(4);
        assertThat(topology.failures.readValue().getReason()).isEqualTo(FailureReason.INVALID_EVENT);
        requireOthersGoOn();
    }

    @ParameterizedTest
    @ValueSource(longs = {Long.MIN_VALUE, -1, 0, 253_402_300_799_999L, Long.MAX_VALUE})
    void shouldKeepDeadlinesInBoundsWhenTimestampsAreAbsurd(long millis) {
        Instant absurd = Instant.ofEpochMilli(millis);
        StudyRules rules = StudyRules.defaults();
        topology.scans.pipeInput(
                "s",
                event("s", "T1", 0)
                        .setAvailableAt(absurd)
                        .setAcquiredAt(absurd)
                        .setDeadline(absurd)
                        .build());
        topology.commands.pipeInput("s", new StudyCommand("c", "s", CommandKind.EXTEND, absurd, null, absurd));

        assertThat(topology.state("s").getDeadline())
                .isBetween(Fixtures.START, Fixtures.START.plus(rules.longestWait()));
        topology.clock(rules.longestWait());
        topology.finish(topology.executor.onlyJob());
        assertThat(topology.segmentations.readValue().getTrigger()).isEqualTo(Trigger.DEADLINE);
        // Whatever the first one said, a later revision is the newer one.
        topology.scans.pipeInput("s", replaced("s", "T1", 1));
        topology.clock(rules.settle());
        assertThat(topology.executor.onlyJob().getTrigger()).isEqualTo(Trigger.CORRECTION);
        requireOthersGoOn();
    }

    @ParameterizedTest
    @ValueSource(longs = {Long.MIN_VALUE, 0, Long.MAX_VALUE})
    void shouldPublishWhenTheExecutorsClockIsAbsurd(long millis) {
        topology.send("s", "T1", "T1CE", "T2", "FLAIR");
        InferenceJob job = topology.executor.onlyJob();
        topology.results.pipeInput("s", Fixtures.outcome(job, Instant.ofEpochMilli(millis)));

        assertThat(topology.segmentations.readValue().getTimingsMs().get("total"))
                .isNotNegative();
    }

    @Test
    void shouldFailTheStudyWhenFaultsNameNothingOfTheJob() {
        topology.send("s", "T1", "T1CE", "T2", "FLAIR");
        topology.results.pipeInput(
                "s",
                Fixtures.fault(
                        topology.executor.onlyJob(), "ADC", FailureReason.VOLUME_CORRUPT, false, Fixtures.START));
        assertThat(topology.failures.readValue().getReason()).isEqualTo(FailureReason.VOLUME_CORRUPT);
        assertThat(topology.executor.jobs()).isEmpty();

        topology.send("t", "T1", "T1CE", "T2", "FLAIR");
        for (int attempt = 1; attempt <= StudyRules.defaults().retry().attempts(); attempt++) {
            InferenceJob job = topology.executor.onlyJob();
            topology.results.pipeInput(
                    "t", new InferenceResult(job.getJobId(), "t", new InferenceFaults(List.of(), Fixtures.START)));
            topology.clock(StudyRules.defaults().retry().longestDelay());
        }
        assertThat(topology.executor.jobs()).isEmpty();
        requireOthersGoOn();
    }

    @Test
    void shouldIgnoreTraceWhenItIsHuge() {
        TestRecord<String, ScanEvent> traced = new TestRecord<>("s", scan("s", "T1"));
        traced.headers().add("traceparent", "x".repeat(900_000).getBytes(StandardCharsets.US_ASCII));
        topology.scans.pipeInput(traced);

        assertThat(topology.state("s").getTraceparent()).isNull();
        assertThat(topology.stateBytes("s")).isLessThan(LARGEST_USUAL_STATE);
    }

    @Test
    void shouldStayBoundedWhenEveryScanIsAsLargeAsAllowed() {
        String studyId = "\u4E00".repeat(ScanEventCheck.LONGEST_ID);
        for (int revision = 0; revision < 100; revision++) {
            for (String modality : Fixtures.MODALITIES) {
                String eventId = "\u4E00".repeat(ScanEventCheck.LONGEST_ID - 10) + modality + revision;
                topology.scans.pipeInput(
                        studyId,
                        event(studyId, modality, revision)
                                .setEventId(eventId)
                                .setVolume(volume("\u4E00".repeat(ScanEventCheck.LONGEST_URI)))
                                .build());
            }
        }
        assertThat(topology.failures.isEmpty()).isTrue();
        assertThat(topology.stateBytes(studyId)).isBetween(LARGEST_STATE / 4, LARGEST_STATE);
    }

    @Test
    void shouldStayBoundedWhenTenThousandScansNameOneStudy() {
        int scans = 10_000;
        for (int revision = 0; revision < scans; revision++) {
            topology.scans.pipeInput("rising", replaced("rising", "T1", revision));
        }
        assertThat(topology.stateBytes("rising")).isLessThan(LARGEST_USUAL_STATE);
        // What a scan costs is bounded by the state and by what is published of it: the last one costs what the first
        // did.
        int limit = StudyRules.defaults().historyLimit();
        assertThat(topology.state("rising").getHistory()).hasSize(limit);
        assertThat(topology.statuses.readValuesToList())
                .hasSize(scans)
                .allMatch(status -> status.getHistory().size() <= limit);

        for (int i = 0; i < scans; i++) {
            // Each event id is new; from the third on, all are older than what is known.
            topology.scans.pipeInput(
                    "alternating",
                    event("alternating", "T1", 1 - i % 2)
                            .setEventId("e" + i)
                            .setAvailableAt(Fixtures.START.minusSeconds(i))
                            .build());
        }
        assertThat(topology.stateBytes("alternating")).isLessThan(LARGEST_USUAL_STATE);
        assertThat(topology.counted(Counted.OUTDATED_SCAN)).isEqualTo(scans - 1);

        topology.send("alternating", "T1CE", "T2", "FLAIR");
        for (int i = 0; i < scans; i++) {
            topology.scans.pipeInput("alternating", replaced("alternating", "T2", 2 + i));
        }
        assertThat(topology.executor.onlyJob().getStudyId()).isEqualTo("alternating");
        assertThat(topology.stateBytes("alternating")).isLessThan(LARGEST_USUAL_STATE);
        requireOthersGoOn();
    }

    @Test
    void shouldSendLetterThatKafkaTakesWhenTheUnreadableRecordIsHuge() {
        for (int size : new int[] {1_000, 900_000, (1 << 20) - 100, 20 << 20}) {
            TestRecord<byte[], byte[]> record = new TestRecord<>(new byte[size / 4], new byte[size / 2]);
            record.headers().add("h", new byte[size / 4]);
            topology.scanBytes.pipeInput(record);

            assertThat(topology.largestRefusal()).isBetween(1, LARGEST_RECORD - 1_000);
        }
        requireOthersGoOn();
    }

    @Test
    void shouldRefuseOrTakeWhenBytesOfAnEventAreChanged() {
        Random random = new Random(20261123);
        byte[] valid = RecordSerde.of(ScanEvent.class)
                .serialize(
                        "",
                        event("s", "T1", 3)
                                .setExpectedModalities(List.of("T1", "T2"))
                                .setDeadline(Fixtures.START.plusSeconds(9))
                                .setAttributes(Map.of("site", "a"))
                                .build());
        byte[] key = "s".getBytes(StandardCharsets.UTF_8);
        for (int i = 0; i < 2_000; i++) {
            byte[] changed = valid.clone();
            for (int change = 1 + random.nextInt(3); change > 0; change--) {
                changed[random.nextInt(changed.length)] = (byte) random.nextInt(256);
            }
            topology.scanBytes.pipeInput(key, changed);
            topology.clock(Duration.ofMillis(random.nextInt(100)));
        }
        assertThat(topology.stateBytes("s")).isLessThan(LARGEST_USUAL_STATE);
        assertThat(topology.largestRefusal()).isBetween(1, LARGEST_USUAL_STATE);
        requireOthersGoOn();
    }
}
