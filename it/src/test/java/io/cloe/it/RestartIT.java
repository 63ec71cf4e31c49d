package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.it.tools.BrokerProcess;
import io.cloe.it.tools.NiftiFiles;
import io.cloe.it.tools.Outputs;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.Studies;
import io.cloe.it.tools.TestCluster;
import io.cloe.it.tools.Waiting;
import io.cloe.it.tools.WorkerJvm;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyFailure;
import io.cloe.schemas.StudyPhase;
import io.cloe.schemas.Trigger;
import io.cloe.topology.Topics;
import io.cloe.worker.config.InferenceConfig;
import io.cloe.worker.config.StudySettings;
import io.cloe.worker.config.WorkerConfig;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.io.TempDir;

/** Processes are killed as {@code kill -9} does, and started again. */
class RestartIT {

    private static final int PARTITIONS = 2;
    private static final List<String> FLAIR = List.of("FLAIR");

    /** Of tests in which something happens while a job runs. Others do not wait for the shipped model at every start. */
    private static final String LONG_JOBS = "long-jobs";

    /** Enough for a worker to take a study in and to end. A machine for which it is not passes the tests, though they show less there. */
    private static final Duration UNTIL_DOWN = Duration.ofSeconds(5);

    /** Enough for a worker to come up. */
    private static final Duration UNTIL_UP_AGAIN = Duration.ofSeconds(10);

    @TempDir
    static Path root;

    private static BrokerProcess broker;
    private static TestCluster cluster;

    @TempDir
    Path folder;

    private String group;
    private Topics topics;
    private Map<String, String> settings;
    private WorkerJvm worker;
    private Studies studies;
    private Outputs outputs;

    @BeforeAll
    static void startBroker() throws Exception {
        broker = BrokerProcess.start(Files.createDirectory(root.resolve("kafka")));
        cluster = new TestCluster(broker.address());
    }

    @AfterAll
    static void stopBroker() {
        cluster.close();
        broker.close();
    }

    @BeforeEach
    void start(TestInfo test) throws Exception {
        group = test.getTestMethod().orElseThrow().getName();
        String prefix = group + "-";
        topics = cluster.createTopics(prefix, PARTITIONS);
        Path volumes = Files.createDirectory(folder.resolve("volumes"));
        Path bundle = test.getTags().contains(LONG_JOBS) ? Repository.shippedBundle() : Repository.tinyBundle();
        settings = cluster.workerSettings(folder, bundle, volumes);
        settings.put(WorkerConfig.APPLICATION_ID, group);
        settings.put(WorkerConfig.TOPICS_PREFIX, prefix);
        settings.put(StudySettings.STUDY_TIMEOUT, "10m");
        settings.put(InferenceConfig.INFERENCE_THREADS, "1");
        TestCluster.hastenTakeover(settings);
        worker = WorkerJvm.start(folder.resolve("worker"), settings);
        studies = new Studies(volumes, cluster.clients(prefix));
        outputs = new Outputs(broker.address(), topics);
    }

    @AfterEach
    void stop() throws Exception {
        for (AutoCloseable part : new AutoCloseable[] {outputs, studies, worker}) {
            if (part != null) {
                part.close();
            }
        }
    }

    /** Not that it collects: its deadline may have passed meanwhile. */
    private void awaitKnown(String study) {
        outputs.await(study + " to be known", () -> outputs.status(study).isPresent());
    }

    private void restartWorker() {
        worker.close();
        worker = WorkerJvm.start(folder.resolve("worker"), settings);
    }

    @Test
    void shouldMeetDeadlinesWithoutTrafficWhenTheWorkerIsKilledWhileStudiesWait() throws Exception {
        Instant passesWhileDown = Instant.now().plus(UNTIL_DOWN);
        Instant passesLater = passesWhileDown.plus(UNTIL_UP_AGAIN);
        Map<String, Path> volumes = studies.phantom("waiting", 0);
        studies.submit("short", volumes, FLAIR, event -> event.setDeadline(passesWhileDown));
        studies.submit("long", volumes, List.of("T1", "T2"), event -> event.setDeadline(passesLater));
        awaitKnown("short");
        outputs.await("both scans of the study", () -> outputs.status("long")
                .map(status -> status.getPresent().size() == 2)
                .orElse(false));

        worker.kill();
        Waiting.until("the first deadline passes").until(() -> Instant.now().isAfter(passesWhileDown));
        restartWorker();

        for (String study : List.of("short", "long")) {
            Segmentation result = outputs.awaitResult(study, 0);
            assertThat(result.getTrigger()).isEqualTo(Trigger.DEADLINE);
        }
        assertThat(outputs.segmentation("short", 0).orElseThrow().getQueuedAt()).isAfterOrEqualTo(passesWhileDown);
        assertThat(outputs.segmentation("long", 0).orElseThrow().getQueuedAt())
                .isBetween(passesLater, passesLater.plus(Waiting.PATIENCE));
        requireOneResultEach("short", "long");
    }

    @Test
    void shouldMeetDeadlinesWithoutTrafficWhenTheyPassWhileNoWorkerRuns() throws Exception {
        Map<String, Path> volumes = studies.phantom("overdue", 0);
        for (int round = 0; round < 3; round++) {
            String study = "overdue-" + round;
            Instant deadline = Instant.now().plus(UNTIL_DOWN);
            studies.submit(study, volumes, FLAIR, event -> event.setDeadline(deadline));
            awaitKnown(study);
            worker.stop();
            Waiting.until("the deadline passes").until(() -> Instant.now().isAfter(deadline));
            restartWorker();
            assertThat(outputs.awaitResult(study, 0).getTrigger()).isEqualTo(Trigger.DEADLINE);
        }
        requireOneResultEach("overdue-0", "overdue-1", "overdue-2");
    }

    @Test
    @Tag(LONG_JOBS)
    void shouldPublishOneResultWhenTheWorkerIsKilledWhileAJobRuns() throws Exception {
        Map<String, Path> volumes = largeStudy();
        studies.submit("running", volumes, FLAIR, event -> event.setExpectedModalities(FLAIR));
        outputs.awaitPhase("running", StudyPhase.QUEUED);
        worker.awaitLog(line -> line.contains(" queued: "));
        Duration atStart = worker.process().processorTime();
        // Reading the volume takes well under two seconds of processor time, the network many more.
        Waiting.until("the network is at work")
                .until(() -> worker.process().processorTime().minus(atStart).toSeconds() >= 3);

        worker.kill();
        assertThat(worker.log()).noneMatch(line -> line.contains(" done: "));
        restartWorker();

        Segmentation result = outputs.awaitResult("running", 0);
        assertThat(result.getTrigger()).isEqualTo(Trigger.COMPLETE);
        requireOneResultEach("running");
    }

    @Test
    @Tag(LONG_JOBS)
    void shouldPublishOneResultWhenTheWorkerIsKilledAgainAndAgain() throws Exception {
        Map<String, Path> volumes = studies.phantom("often", 1);
        List<String> names = new ArrayList<>();
        for (int round = 0; round < 3; round++) {
            String study = "often-" + round;
            names.add(study);
            studies.submit(study, volumes, FLAIR, event -> event.setExpectedModalities(FLAIR));
            if (round == 0) {
                worker.awaitLog(line -> line.contains(" done: "));
            } else if (round == 1) {
                worker.awaitLog(line -> line.contains(" queued: "));
            }
            // In the first round the result may or may not have reached its topic, in the third the event its task.
            worker.kill();
            restartWorker();
        }

        names.forEach(study -> outputs.awaitResult(study, 0));
        requireOneResultEach(names.toArray(String[]::new));
    }

    @Test
    @Tag(LONG_JOBS)
    void shouldEndEveryStudyOnceWhenTheBrokerIsKilledWhileTheyAreOpen() throws Exception {
        Map<String, Path> volumes = studies.phantom("open", 2);
        Map<String, Path> large = largeStudy();
        Instant deadline = Instant.now().plusSeconds(8);
        studies.submit("job-running", large, FLAIR, event -> event.setExpectedModalities(FLAIR));
        outputs.awaitPhase("job-running", StudyPhase.QUEUED);
        for (int study = 0; study < 4; study++) {
            studies.submit("waiting-" + study, volumes, List.of("T2"), event -> event.setDeadline(deadline));
        }
        studies.submit("half-here", volumes, List.of("T1"), event -> event.setExpectedModalities(List.of("T1", "T2")));
        outputs.awaitPhase("half-here", StudyPhase.COLLECTING);

        broker.kill();
        broker.start();
        studies.submit("half-here", volumes, List.of("T2"), event -> event.setExpectedModalities(List.of("T1", "T2")));

        List<String> all = List.of("job-running", "waiting-0", "waiting-1", "waiting-2", "waiting-3", "half-here");
        all.forEach(study -> outputs.awaitResult(study, 0));
        requireOneResultEach(all.toArray(String[]::new));
        assertThat(worker.process().isAlive()).isTrue();
    }

    @Test
    void shouldStopInOrderWhenAskedTo() throws Exception {
        studies.submit("before", studies.phantom("before", 3), FLAIR, event -> event.setExpectedModalities(FLAIR));
        outputs.awaitResult("before", 0);

        worker.stop();

        assertThat(worker.process().children()).isEmpty();
        assertThat(worker.log()).anyMatch(line -> line.endsWith("PENDING_SHUTDOWN -> NOT_RUNNING"));
        assertThat(worker.log()).noneMatch(line -> line.contains(" ERROR "));
        // It has left the group: nobody waits for its session to run out.
        assertThat(cluster.admin()
                        .describeConsumerGroups(List.of(group))
                        .all()
                        .get()
                        .get(group)
                        .members())
                .isEmpty();
    }

    /** A phantom at half its voxel size: seconds of work instead of a fraction of one. */
    private Map<String, Path> largeStudy() throws Exception {
        Map<String, Path> volumes = studies.phantom("large", 0);
        Map<String, Path> large = new TreeMap<>();
        for (String modality : FLAIR) {
            Path file = volumes.get(modality);
            NiftiFiles.refine(file, file, 2);
            large.put(modality, file);
        }
        return large;
    }

    /** Not at least one, and not two: everything that could still cause one has been processed. */
    private void requireOneResultEach(String... names) throws Exception {
        cluster.awaitCaughtUp(group, topics);
        outputs.drain();
        for (String study : names) {
            assertThat(outputs.resultCounts()).containsEntry(study + "#0", 1L);
            assertThat(outputs.segmentations(study)).hasSize(1);
            Segmentation result = outputs.segmentation(study, 0).orElseThrow();
            assertThat(Path.of(URI.create(result.getMask().getUri()))).exists();
            assertThat(outputs.of(study, StudyFailure.class)).isEmpty();
            outputs.awaitPhase(study, StudyPhase.SEGMENTED);
        }
        assertThat(outputs.weightCounts()).isEqualTo(outputs.resultCounts());
        assertThat(outputs.resultCounts()).hasSize(names.length);
    }
}
