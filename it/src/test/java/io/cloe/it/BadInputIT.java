package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.it.tools.NiftiFiles;
import io.cloe.it.tools.Outputs;
import io.cloe.it.tools.Outputs.Seen;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.Studies;
import io.cloe.it.tools.TestCluster;
import io.cloe.it.tools.WorkerJvm;
import io.cloe.schemas.AbsenceReason;
import io.cloe.schemas.AbsentModality;
import io.cloe.schemas.FailureReason;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.ScanReference;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyFailure;
import io.cloe.schemas.StudyPhase;
import io.cloe.schemas.StudyStatus;
import io.cloe.schemas.VolumeReference;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.standalone.EmbeddedBroker;
import io.cloe.topology.Topics;
import io.cloe.worker.config.InferenceConfig;
import io.cloe.worker.config.StudySettings;
import io.cloe.worker.config.WorkerConfig;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Events and volumes that cannot be used: each ends as a typed failure, and none stops the worker. */
class BadInputIT {

    private static final String GROUP = "bad-input";
    private static final List<String> ALL = List.of("T1", "T1CE", "T2", "FLAIR");
    private static final List<String> WITHOUT_T2 = List.of("T1", "T1CE", "FLAIR");
    private static final String ERROR_HEADER = "__streams.errors.";

    @TempDir
    static Path folder;

    private static EmbeddedBroker broker;
    private static TestCluster cluster;
    private static Topics topics;
    private static WorkerJvm worker;
    private static Studies studies;
    private static Outputs outputs;
    private static Producer<byte[], byte[]> producer;

    /** Ids of all studies of this class, none of which may be in the log. */
    private static final Set<String> STUDY_IDS = new HashSet<>();

    @BeforeAll
    static void start() throws Exception {
        broker = EmbeddedBroker.start(Files.createDirectory(folder.resolve("kafka")), 0);
        cluster = new TestCluster(broker.address());
        topics = cluster.createTopics("", 2);
        Path volumes = Files.createDirectory(folder.resolve("volumes"));
        Map<String, String> settings = cluster.workerSettings(folder, Repository.shippedBundle(), volumes);
        settings.put(WorkerConfig.APPLICATION_ID, GROUP);
        settings.put(InferenceConfig.INFERENCE_THREADS, "1");
        settings.put(StudySettings.STUDY_TIMEOUT, "10m");
        worker = WorkerJvm.start(folder.resolve("worker"), settings);
        studies = new Studies(volumes, cluster.clients(""));
        outputs = new Outputs(broker.address(), topics);
        producer = new KafkaProducer<>(
                Map.of(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, broker.address()),
                new ByteArraySerializer(),
                new ByteArraySerializer());
    }

    @AfterAll
    static void stop() throws Exception {
        for (AutoCloseable part : new AutoCloseable[] {producer, outputs, studies, worker, cluster, broker}) {
            if (part != null) {
                part.close();
            }
        }
    }

    /** Whatever a test sent, the worker lives, serves a good study, and its log names no study and no place. */
    @AfterEach
    void requireHealthyWorker() throws Exception {
        String good = "site7-good-" + STUDY_IDS.size();
        Map<String, Path> volumes = phantom(good);
        studies.submit(good, volumes, List.of("FLAIR"), event -> event.setExpectedModalities(List.of("FLAIR")));
        outputs.awaitResult(good, 0);
        assertThat(worker.process().isAlive()).isTrue();
        assertThat(outputs.failures(good)).isEmpty();
        assertThat(worker.log()).noneMatch(line -> line.contains(" ERROR "));
        // Lines of the start name the state directory; from the first job on no place may be named.
        List<String> log = worker.log();
        int firstJob = 0;
        while (!log.get(firstJob).contains(" queued: ")) {
            firstJob++;
        }
        assertThat(log.subList(firstJob, log.size()))
                .noneMatch(line -> line.contains("nii.gz") || line.contains("file:"))
                .noneMatch(line -> STUDY_IDS.stream().anyMatch(line::contains));
    }

    private static Map<String, Path> phantom(String studyId) throws Exception {
        STUDY_IDS.add(studyId);
        return new TreeMap<>(studies.phantom(studyId, STUDY_IDS.size()));
    }

    // ---- records

    @Test
    void shouldSendUnreadableRecordsToTheDeadLettersWithTheStandardHeaders() throws Exception {
        Map<String, Path> volumes = phantom("site7-cut-off-event");
        byte[] event = RecordSerde.of(ScanEvent.class)
                .serialize(
                        "",
                        Studies.event("site7-cut-off-event", "T1", volumes.get("T1"))
                                .build());
        byte[] noAvro = "{\"studyId\": \"json-event\"}".getBytes(StandardCharsets.UTF_8);
        byte[] unknownSchema = event.clone();
        unknownSchema[4] ^= 1;
        byte[] registryForm = event.clone();
        registryForm[0] = 0;
        for (byte[] bad : List.of(noAvro, unknownSchema, registryForm, Arrays.copyOf(event, event.length / 2))) {
            requireDeadLetter(topics.scanEvents(), bad);
        }
        requireDeadLetter(topics.studyCommands(), noAvro);
        requireDeadLetter(topics.inferenceResults(), noAvro);
    }

    private static void requireDeadLetter(String topic, byte[] value) throws Exception {
        byte[] key = "some-key".getBytes(StandardCharsets.UTF_8);
        RecordMetadata sent =
                producer.send(new ProducerRecord<>(topic, key, value)).get();
        outputs.await("the dead letter of " + sent, () -> letter(sent) != null);
        Seen letter = letter(sent);
        assertThat(letter.record().key()).isEqualTo(key);
        assertThat(letter.record().value()).isEqualTo(value);
        assertThat(letter.header(ERROR_HEADER + "exception"))
                .hasValueSatisfying(name -> assertThat(name).endsWith("UnreadableRecordException"));
        assertThat(letter.header(ERROR_HEADER + "message"))
                .hasValueSatisfying(
                        message -> assertThat(message).isNotBlank().doesNotContain("json-event", "cut-off-event"));
        // A decoder's stack trace may quote what it read.
        assertThat(letter.header(ERROR_HEADER + "stacktrace")).isEmpty();
    }

    private static Seen letter(RecordMetadata sent) {
        for (Seen letter : outputs.deadLetters()) {
            if (letter.header(ERROR_HEADER + "topic").orElseThrow().equals(sent.topic())
                    && letter.header(ERROR_HEADER + "partition").orElseThrow().equals("" + sent.partition())
                    && letter.header(ERROR_HEADER + "offset").orElseThrow().equals("" + sent.offset())) {
                return letter;
            }
        }
        return null;
    }

    @Test
    void shouldRecordAFailureWhenTheModelDoesNotKnowTheModality() throws Exception {
        Map<String, Path> volumes = phantom("site7-odd-sequence");
        ScanEvent event =
                Studies.event("site7-odd-sequence", "ADC", volumes.get("T1")).build();
        studies.send(event);

        StudyFailure failure = awaitFailure("site7-odd-sequence", FailureReason.UNKNOWN_MODALITY, "ADC");

        assertThat(failure.getEventId()).isEqualTo(event.getEventId());
        assertThat(failure.getSourceTopic()).isEqualTo(topics.scanEvents());
        assertThat(failure.getSourcePartition()).isNotNull();
        assertThat(failure.getSourceOffset()).isNotNull();
        assertThat(failure.getRetriable()).isFalse();
        assertThat(outputs.status("site7-odd-sequence")).isEmpty();
    }

    @Test
    void shouldRecordAFailureWhenTheEventContradictsItself() throws Exception {
        Map<String, Path> volumes = phantom("site7-no-family");
        studies.send(Studies.event("site7-no-family", "T1", volumes.get("T1"))
                .setModelFamily("liver")
                .build());
        awaitFailure("site7-no-family", FailureReason.UNKNOWN_FAMILY, "T1");

        STUDY_IDS.add("site7-no-volume");
        studies.send(Studies.event("site7-no-volume", "T1", volumes.get("T1"))
                .setVolume(null)
                .build());
        awaitFailure("site7-no-volume", FailureReason.INVALID_EVENT, "T1");
    }

    // ---- one volume of four: the study runs with the rest

    @Test
    void shouldRunWithTheRestWhenAFileIsMissing() throws Exception {
        Map<String, Path> volumes = phantom("site7-missing-file");
        List<ScanEvent> events = events("site7-missing-file", volumes);
        Files.delete(volumes.get("T2"));
        for (ScanEvent event : events) {
            studies.send(event);
        }

        requireResultWithoutT2("site7-missing-file", FailureReason.VOLUME_NOT_FOUND);

        List<StudyFailure> failures = outputs.of("site7-missing-file", StudyFailure.class);
        assertThat(failures).extracting(StudyFailure::getAttempt).containsExactly(1, 2);
        assertThat(failures).extracting(StudyFailure::getRetriable).containsExactly(true, false);
    }

    @Test
    void shouldRunWithTheRestWhenAChecksumDiffers() throws Exception {
        Map<String, Path> volumes = phantom("site7-other-bytes");
        List<ScanEvent> events = events("site7-other-bytes", volumes);
        byte[] bytes = Files.readAllBytes(volumes.get("T2"));
        // The time in a gzip header: the same size, the same voxels, another file.
        bytes[4] ^= 1;
        Files.write(volumes.get("T2"), bytes);
        for (ScanEvent event : events) {
            studies.send(event);
        }

        requireResultWithoutT2("site7-other-bytes", FailureReason.CHECKSUM_MISMATCH);
    }

    @Test
    void shouldRunWithTheRestWhenAVolumeIsCorrupt() throws Exception {
        Map<String, Path> volumes = phantom("site7-corrupt");
        NiftiFiles.corrupt(volumes.get("T2"), volumes.get("T2"));
        studies.submit("site7-corrupt", volumes, ALL);

        requireResultWithoutT2("site7-corrupt", FailureReason.VOLUME_CORRUPT);
    }

    @Test
    void shouldRunWithTheRestWhenAVolumeIsTruncated() throws Exception {
        Map<String, Path> volumes = phantom("site7-truncated");
        NiftiFiles.truncate(volumes.get("T2"), volumes.get("T2"));
        studies.submit("site7-truncated", volumes, ALL);

        requireResultWithoutT2("site7-truncated", FailureReason.VOLUME_CORRUPT);
    }

    @Test
    void shouldRunWithTheRestWhenAVolumeLiesOutsideTheRoots() throws Exception {
        Map<String, Path> volumes = phantom("site7-outside");
        Path outside = Files.createDirectory(folder.resolve("elsewhere")).resolve("t2.nii.gz");
        Files.move(volumes.get("T2"), outside);
        volumes.put("T2", outside);
        studies.submit("site7-outside", volumes, ALL);

        requireResultWithoutT2("site7-outside", FailureReason.VOLUME_FORBIDDEN);
    }

    @Test
    void shouldRunWithTheRestWhenALinkLeadsOutOfTheRoots() throws Exception {
        Map<String, Path> volumes = phantom("site7-linked");
        Path outside = Files.createDirectory(folder.resolve("beyond")).resolve("t2.nii.gz");
        Files.move(volumes.get("T2"), outside);
        Files.createSymbolicLink(volumes.get("T2"), outside);
        studies.submit("site7-linked", volumes, ALL);

        requireResultWithoutT2("site7-linked", FailureReason.VOLUME_FORBIDDEN);
    }

    @Test
    void shouldRunWithTheRestWhenOneOfFourLiesOnAnotherGrid() throws Exception {
        Map<String, Path> volumes = phantom("site7-one-grid-differs");
        NiftiFiles.refine(volumes.get("T2"), volumes.get("T2"), 2);
        studies.submit("site7-one-grid-differs", volumes, ALL);

        requireResultWithoutT2("site7-one-grid-differs", FailureReason.GEOMETRY_MISMATCH);
    }

    private static List<ScanEvent> events(String studyId, Map<String, Path> volumes) throws Exception {
        List<ScanEvent> events = new ArrayList<>();
        for (String modality : ALL) {
            events.add(Studies.event(studyId, modality, volumes.get(modality)).build());
        }
        return events;
    }

    private static void requireResultWithoutT2(String studyId, FailureReason reason) {
        Segmentation result = outputs.awaitResult(studyId, 0);

        assertThat(result.getUsed())
                .extracting(ScanReference::getModality)
                .containsExactlyInAnyOrderElementsOf(WITHOUT_T2);
        assertThat(result.getMissing())
                .extracting(AbsentModality::getModality, AbsentModality::getReason)
                .containsExactly(org.assertj.core.groups.Tuple.tuple("T2", AbsenceReason.UNUSABLE));
        assertThat(result.getFlags()).contains("MODALITY_UNUSABLE");
        awaitFailure(studyId, reason, "T2");
        assertThat(outputs.failures(studyId)).containsOnly(Outputs.text(reason, "T2"));
        outputs.awaitPhase(studyId, StudyPhase.SEGMENTED);
    }

    // ---- nothing left: the study fails

    @Test
    void shouldFailTheStudyWhenTwoVolumesLieOnDifferentGrids() throws Exception {
        Map<String, Path> volumes = phantom("site7-two-grids");
        NiftiFiles.refine(volumes.get("T2"), volumes.get("T2"), 2);
        studies.submit(
                "site7-two-grids",
                volumes,
                List.of("T1", "T2"),
                event -> event.setExpectedModalities(List.of("T1", "T2")));

        requireFailed("site7-two-grids", "GEOMETRY_MISMATCH T1", "GEOMETRY_MISMATCH T2");
    }

    @Test
    void shouldFailTheStudyWhenItsOnlyVolumeIsEmpty() throws Exception {
        Map<String, Path> volumes = phantom("site7-blank");
        NiftiFiles.blank(volumes.get("T1"), volumes.get("T1"));
        studies.submit("site7-blank", volumes, List.of("T1"), event -> event.setExpectedModalities(List.of("T1")));

        requireFailed("site7-blank", "VOLUME_EMPTY T1");
    }

    @Test
    void shouldFailTheStudyWhenItsOnlyVolumeIsNoNifti() throws Exception {
        Map<String, Path> volumes = phantom("site7-text-file");
        Files.writeString(volumes.get("T1"), "not a volume");
        studies.submit("site7-text-file", volumes, List.of("T1"), event -> event.setExpectedModalities(List.of("T1")));

        outputs.awaitPhase("site7-text-file", StudyPhase.FAILED);
        assertThat(outputs.failures("site7-text-file")).hasSize(1);
    }

    @Test
    void shouldOpenAFailedStudyAgainWhenACorrectedScanComes() throws Exception {
        Map<String, Path> volumes = phantom("site7-mended");
        ScanEvent.Builder event =
                Studies.event("site7-mended", "T1", volumes.get("T1")).setExpectedModalities(List.of("T1"));
        VolumeReference wrong = new VolumeReference(event.getVolume().getUri(), "nifti", null, "00".repeat(32));
        studies.send(event.setVolume(wrong).build());
        requireFailed("site7-mended", "CHECKSUM_MISMATCH T1");

        studies.send(Studies.event("site7-mended", "T1", volumes.get("T1"))
                .setScanRevision(1)
                .setEventId("site7-mended-1")
                .build());

        assertThat(outputs.awaitResult("site7-mended", 0).getMissing())
                .extracting(AbsentModality::getReason)
                .containsOnly(AbsenceReason.NOT_RECEIVED);
    }

    private static void requireFailed(String studyId, String... failures) {
        StudyStatus status = outputs.awaitPhase(studyId, StudyPhase.FAILED);
        assertThat(status.getReason()).isEqualTo("NO_USABLE_SCAN");
        outputs.await("failures of " + studyId, () -> outputs.failures(studyId).size() >= failures.length);
        assertThat(outputs.failures(studyId)).containsExactlyInAnyOrder(failures);
        assertThat(outputs.segmentations(studyId)).isEmpty();
    }

    private static StudyFailure awaitFailure(String studyId, FailureReason reason, String modality) {
        outputs.await(
                reason + " of " + studyId, () -> outputs.failures(studyId).contains(Outputs.text(reason, modality)));
        return outputs.of(studyId, StudyFailure.class).get(0);
    }
}
