package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.cloe.it.tools.Outputs;
import io.cloe.it.tools.Outputs.Seen;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.Studies;
import io.cloe.it.tools.TestCluster;
import io.cloe.it.tools.TransactionLog;
import io.cloe.it.tools.TransactionLog.Transaction;
import io.cloe.it.tools.Waiting;
import io.cloe.schemas.AbsenceReason;
import io.cloe.schemas.AbsentModality;
import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.ModalityGating;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.ScanReference;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyPhase;
import io.cloe.schemas.StudyStatus;
import io.cloe.schemas.Trigger;
import io.cloe.standalone.EmbeddedBroker;
import io.cloe.topology.Topics;
import io.cloe.worker.config.StudySettings;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.kafka.WorkerProcess;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Events in, masks and weights out, through a real broker, the shipped model and real files. */
class EndToEndIT {

    private static final List<String> ALL = List.of("T1", "T1CE", "T2", "FLAIR");
    private static final Duration STUDY_TIMEOUT = Duration.ofSeconds(5);
    private static final String GROUP = "end-to-end";
    private static final int PARTITIONS = 3;

    @TempDir
    static Path folder;

    private static EmbeddedBroker broker;
    private static TestCluster cluster;
    private static Topics topics;
    private static WorkerProcess worker;
    private static Studies studies;
    private static Outputs outputs;

    @BeforeAll
    static void start() throws Exception {
        broker = EmbeddedBroker.start(Files.createDirectory(folder.resolve("kafka")), 0);
        cluster = new TestCluster(broker.address());
        topics = cluster.createTopics("", PARTITIONS);
        Path volumes = Files.createDirectory(folder.resolve("volumes"));
        Map<String, String> settings = cluster.workerSettings(folder, Repository.shippedBundle(), volumes);
        settings.put(WorkerConfig.APPLICATION_ID, GROUP);
        settings.put(StudySettings.STUDY_TIMEOUT, STUDY_TIMEOUT.toSeconds() + "s");
        settings.put(StudySettings.STUDY_SETTLE, "500ms");
        worker = WorkerProcess.start(WorkerConfig.of(settings));
        assertThat(worker.awaitRunning(Waiting.PATIENCE)).isTrue();
        studies = new Studies(volumes, cluster.clients(""));
        outputs = new Outputs(broker.address(), topics);
    }

    @AfterAll
    static void stop() throws Exception {
        for (AutoCloseable part : new AutoCloseable[] {outputs, studies, worker, cluster, broker}) {
            if (part != null) {
                part.close();
            }
        }
    }

    @Test
    void shouldSegmentAtOnceWhenAllModalitiesArrive() throws Exception {
        studies.submit("complete", studies.phantom("complete", 0), ALL);

        Segmentation result = outputs.awaitResult("complete", 0);

        assertThat(result.getTrigger()).isEqualTo(Trigger.COMPLETE);
        assertThat(used(result)).containsExactlyInAnyOrderElementsOf(ALL);
        assertThat(result.getMissing()).isEmpty();
        assertThat(result.getSupersedes()).isNull();
        assertThat(result.getChange()).isNull();
        assertThat(result.getFlags()).contains("DEMONSTRATION_MODEL");
        assertThat(result.getVolumesMl()).containsKeys("WT", "TC", "ET", "NCR", "ED");
        assertThat(result.getTimingsMs()).containsKeys("queue", "decode", "infer", "write", "total");
        // The gap between the last scan and the job is what waiting for a deadline would have cost.
        assertThat(Duration.between(result.getOpenedAt(), result.getQueuedAt())).isLessThan(STUDY_TIMEOUT);
        requireMask(result);
        requireComputedWeights(outputs.weights("complete", 0).orElseThrow(), ALL);
        assertThat(outputs.awaitPhase("complete", StudyPhase.SEGMENTED).getRevision())
                .isZero();
    }

    @Test
    void shouldSegmentThreeOfFourWhenTheDeadlinePassesWithoutTraffic() throws Exception {
        Segmentation result = atDeadline("three", List.of("T1CE", "T2", "FLAIR"), 1);

        assertThat(result.getMissing()).containsExactly(new AbsentModality("T1", AbsenceReason.NOT_RECEIVED, null));
        GatingWeights weights = outputs.weights("three", 0).orElseThrow();
        requireComputedWeights(weights, List.of("T1CE", "T2", "FLAIR"));
        assertThat(weights.getMissing()).containsExactly("T1");
    }

    @Test
    void shouldSegmentTwoOfFourWithEqualWeightsWhenTheDeadlinePassesWithoutTraffic() throws Exception {
        atDeadline("two", List.of("T1CE", "FLAIR"), 2);

        requireFixedWeights(outputs.weights("two", 0).orElseThrow(), Map.of("T1CE", 0.5, "FLAIR", 0.5));
    }

    @Test
    void shouldSegmentOneOfFourWithoutConsistencyWhenTheDeadlinePassesWithoutTraffic() throws Exception {
        atDeadline("one", List.of("FLAIR"), 3);

        requireFixedWeights(outputs.weights("one", 0).orElseThrow(), Map.of("FLAIR", 1.0));
    }

    /** Nothing else is sent while the study waits: only the stored timer can fire. */
    private static Segmentation atDeadline(String studyId, List<String> modalities, int phantom) throws Exception {
        studies.submit(studyId, studies.phantom(studyId, phantom), modalities);

        Segmentation result = outputs.awaitResult(studyId, 0);

        assertThat(result.getTrigger()).isEqualTo(Trigger.DEADLINE);
        assertThat(used(result)).containsExactlyInAnyOrderElementsOf(modalities);
        assertThat(Duration.between(result.getOpenedAt(), result.getQueuedAt())).isGreaterThanOrEqualTo(STUDY_TIMEOUT);
        requireMask(result);
        return result;
    }

    @Test
    void shouldPublishTheNextRevisionWhenAScanComesLate() throws Exception {
        Map<String, Path> volumes = studies.phantom("late", 4);
        studies.submit("late", volumes, List.of("T1", "T2", "FLAIR"));
        Segmentation first = outputs.awaitResult("late", 0);

        studies.submit("late", volumes, List.of("T1CE"));
        Segmentation second = outputs.awaitResult("late", 1);

        assertThat(second.getTrigger()).isEqualTo(Trigger.LATE_SCAN);
        assertThat(second.getSupersedes()).isZero();
        assertThat(used(second)).containsExactlyInAnyOrderElementsOf(ALL);
        assertThat(second.getMask().getUri()).isNotEqualTo(first.getMask().getUri());
        requireMask(first);
        requireMask(second);
        requireComputedWeights(outputs.weights("late", 1).orElseThrow(), ALL);
        assertThat(second.getChange().getDice().keySet()).containsExactlyInAnyOrder("WT", "TC", "ET");
        assertThat(second.getChange().getDice().values())
                .allSatisfy(dice -> assertThat(dice).isBetween(0.0, 1.0));
        assertThat(second.getChange().getChangedVoxels()).isPositive();
        Map<String, Double> before = weights(outputs.weights("late", 0).orElseThrow());
        weights(outputs.weights("late", 1).orElseThrow()).forEach((modality, weight) -> assertThat(
                        second.getChange().getWeightChange().get(modality))
                .isCloseTo(weight - before.getOrDefault(modality, 0.0), within(1e-9)));
    }

    @Test
    void shouldChangeNothingWhenEveryEventComesAgain() throws Exception {
        Map<String, Path> volumes = studies.phantom("again", 1);
        studies.submit(
                "again", volumes, List.of("T1", "FLAIR"), event -> event.setExpectedModalities(List.of("T1", "FLAIR")));
        outputs.awaitResult("again", 0);
        outputs.awaitPhase("again", StudyPhase.SEGMENTED);
        cluster.awaitCaughtUp(GROUP, topics);
        outputs.drain();
        int before = outputs.all().size();

        for (ScanEvent event : studies.sent()) {
            studies.send(event);
            studies.send(event);
        }
        // The same volumes under another event id are the same scans.
        studies.submit(
                "again", volumes, List.of("T1", "FLAIR"), event -> event.setEventId("another-" + event.getModality()));
        cluster.awaitCaughtUp(GROUP, topics);
        outputs.drain();

        // Any change of any study would have published a status.
        assertThat(outputs.all()).hasSize(before);
        assertThat(outputs.resultCounts().values()).containsOnly(1L);
        assertThat(outputs.weightCounts()).isEqualTo(outputs.resultCounts());
    }

    /** From the broker's own files: a consumer that reads committed records sees both or neither, in the end. */
    @Test
    void shouldCommitMaskWeightsStatusAndOffsetsInOneTransaction() throws Exception {
        studies.submit(
                "transaction-a",
                studies.phantom("transaction-a", 0),
                List.of("T2"),
                event -> event.setExpectedModalities(List.of("T2")));
        studies.submit(
                "transaction-b",
                studies.phantom("transaction-b", 1),
                List.of("T2"),
                event -> event.setExpectedModalities(List.of("T2")));
        outputs.awaitResult("transaction-a", 0);
        outputs.awaitResult("transaction-b", 0);
        cluster.awaitCaughtUp(GROUP, topics);
        outputs.drain();

        Map<String, Transaction> ofMasks = transactions(Segmentation.class);
        Map<String, Transaction> ofWeights = transactions(GatingWeights.class);

        assertThat(ofMasks).containsKeys("transaction-a#0", "transaction-b#0");
        assertThat(ofWeights).isEqualTo(ofMasks);
        assertThat(ofMasks.get("transaction-a#0")).isNotEqualTo(ofMasks.get("transaction-b#0"));
        for (String study : List.of("transaction-a", "transaction-b")) {
            Transaction transaction = ofMasks.get(study + "#0");
            assertThat(statusTransactions(study, StudyPhase.SEGMENTED)).contains(transaction);
            assertThat(anyLog("__consumer_offsets", log -> log.holds(transaction) && log.committed(transaction)))
                    .as("offsets committed in the transaction of " + study)
                    .isTrue();
            assertThat(anyLog(GROUP + "-studies-changelog", log -> log.holds(transaction)))
                    .as("state written in the transaction of " + study)
                    .isTrue();
        }
    }

    private static Map<String, Transaction> transactions(Class<?> type) throws Exception {
        Map<String, Transaction> found = new TreeMap<>();
        for (Seen one : outputs.all()) {
            if (type.isInstance(one.value())) {
                String revision = one.value() instanceof Segmentation mask
                        ? mask.getStudyId() + "#" + mask.getRevision()
                        : ((GatingWeights) one.value()).getStudyId() + "#"
                                + ((GatingWeights) one.value()).getRevision();
                found.put(revision, committedTransaction(one));
            }
        }
        return found;
    }

    private static List<Transaction> statusTransactions(String studyId, StudyPhase phase) throws Exception {
        List<Transaction> found = new java.util.ArrayList<>();
        for (Seen one : outputs.all()) {
            if (one.value() instanceof StudyStatus status
                    && status.getStudyId().equals(studyId)
                    && status.getPhase() == phase) {
                found.add(committedTransaction(one));
            }
        }
        return found;
    }

    private static Transaction committedTransaction(Seen seen) throws Exception {
        String partition = seen.record().topic() + "-" + seen.record().partition();
        TransactionLog log = TransactionLog.of(folder.resolve("kafka"), partition);
        Transaction transaction = log.writer(seen.record().offset()).orElseThrow();
        assertThat(log.committed(transaction)).isTrue();
        return transaction;
    }

    private static boolean anyLog(String topic, java.util.function.Predicate<TransactionLog> condition)
            throws Exception {
        try (Stream<Path> partitions = Files.list(folder.resolve("kafka"))) {
            for (Path partition : partitions
                    .filter(path -> path.getFileName().toString().matches(topic + "-\\d+"))
                    .toList()) {
                if (condition.test(TransactionLog.of(
                        folder.resolve("kafka"), partition.getFileName().toString()))) {
                    return true;
                }
            }
        }
        return false;
    }

    private static List<String> used(Segmentation result) {
        return result.getUsed().stream().map(ScanReference::getModality).toList();
    }

    private static void requireMask(Segmentation result) throws Exception {
        byte[] mask = Files.readAllBytes(Path.of(URI.create(result.getMask().getUri())));
        String sha256 =
                HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(mask));
        assertThat(result.getMask().getSha256()).isEqualTo(sha256);
        assertThat(result.getMask().getSizeBytes()).isEqualTo(mask.length);
        assertThat(result.getMask().getDims()).containsExactly(64, 77, 58);
    }

    private static void requireComputedWeights(GatingWeights weights, List<String> modalities) {
        assertThat(weights(weights).keySet()).containsExactlyInAnyOrderElementsOf(modalities);
        assertThat(weights(weights).values().stream().mapToDouble(w -> w).sum()).isCloseTo(1, within(1e-6));
        assertThat(weights.getGateActed()).isTrue();
        assertThat(weights.getModalities()).allSatisfy(one -> {
            assertThat(one.getWeight()).isBetween(0.0, 1.0);
            assertThat(one.getConsistencyGlobal()).isBetween(-1.0, 1.0);
            assertThat(one.getConsistencyRegional()).isBetween(-1.0, 1.0);
            assertThat(one.getConsistencyGlobalSpread()).isNotNull();
            assertThat(one.getConsistencyRegionalSpread()).isNotNull();
        });
    }

    private static void requireFixedWeights(GatingWeights weights, Map<String, Double> expected) {
        assertThat(weights(weights)).containsExactlyInAnyOrderEntriesOf(expected);
        assertThat(weights.getGateActed()).isFalse();
        assertThat(weights.getModalities()).allSatisfy(one -> {
            assertThat(one.getConsistencyGlobal()).isNull();
            assertThat(one.getConsistencyRegional()).isNull();
            assertThat(one.getConsistencyGlobalSpread()).isNull();
            assertThat(one.getConsistencyRegionalSpread()).isNull();
        });
    }

    private static Map<String, Double> weights(GatingWeights weights) {
        Map<String, Double> byModality = new TreeMap<>();
        for (ModalityGating one : weights.getModalities()) {
            byModality.put(one.getModality(), one.getWeight());
        }
        return byModality;
    }
}
