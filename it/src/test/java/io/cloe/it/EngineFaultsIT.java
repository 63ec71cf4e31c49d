package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.it.tools.BrokerProcess;
import io.cloe.it.tools.Outputs;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.Studies;
import io.cloe.it.tools.TestCluster;
import io.cloe.it.tools.WorkerJvm;
import io.cloe.schemas.FailureReason;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyFailure;
import io.cloe.schemas.StudyPhase;
import io.cloe.topology.Topics;
import io.cloe.worker.config.InferenceConfig;
import io.cloe.worker.config.StudySettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A bundle whose graphs fail, never end, ask for more memory than there is, or answer what is no number: real graphs on a real session. Each
 * costs its own study a typed failure and nobody else anything, and what arrives later can still make a result of it.
 */
class EngineFaultsIT {

    private static final List<String> ALL = List.of("T1", "T2", "FLAIR");

    @TempDir
    static Path folder;

    private static BrokerProcess broker;
    private static TestCluster cluster;
    private static WorkerJvm worker;
    private static Studies studies;
    private static Outputs outputs;

    @BeforeAll
    static void start() throws Exception {
        broker = BrokerProcess.start(Files.createDirectory(folder.resolve("kafka")));
        cluster = new TestCluster(broker.address());
        Topics topics = cluster.createTopics("", 1);
        Path volumes = Files.createDirectory(folder.resolve("volumes"));
        Map<String, String> settings = cluster.workerSettings(folder, Repository.treacherousBundle(), volumes);
        settings.put(InferenceConfig.INFERENCE_THREADS, "1");
        settings.put(InferenceConfig.INFERENCE_TIMEOUT, "5s");
        settings.put(StudySettings.STUDY_TIMEOUT, "10m");
        settings.put(StudySettings.STUDY_SETTLE, "100ms");
        settings.put(StudySettings.RETRY_ATTEMPTS, "2");
        settings.put(StudySettings.RETRY_FIRST_DELAY, "100ms");
        worker = WorkerJvm.start(folder.resolve("worker"), settings);
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

    @ParameterizedTest(name = "{0}: {1}")
    @CsvSource({"T1, ENGINE_ERROR", "T2, ENGINE_ERROR", "FLAIR, OUT_OF_MEMORY", "T1+T2, ENGINE_ERROR"})
    void shouldFailOnlyTheStudyWhoseGraphMisbehaves(String modalities, FailureReason reason) throws Exception {
        List<String> arrived = List.of(modalities.split("\\+"));
        String bad = "bad-" + modalities;
        Map<String, Path> volumes = studies.phantom(bad, 0);
        studies.submit(bad, volumes, arrived, event -> event.setExpectedModalities(arrived));
        String good = "good-" + modalities;
        studies.submit(good, studies.phantom(good, 1), ALL, event -> event.setExpectedModalities(ALL));

        outputs.awaitResult(good, 0);
        outputs.awaitPhase(bad, StudyPhase.FAILED);
        assertThat(outputs.of(bad, StudyFailure.class))
                .isNotEmpty()
                .allSatisfy(failure -> assertThat(failure.getReason()).isEqualTo(reason));
        assertThat(outputs.of(bad, StudyFailure.class)).last().satisfies(failure -> assertThat(failure.getRetriable())
                .isFalse());
        assertThat(outputs.failures(good)).isEmpty();

        List<String> late =
                ALL.stream().filter(modality -> !arrived.contains(modality)).toList();
        studies.submit(bad, volumes, late, event -> event.setExpectedModalities(ALL));
        Segmentation result = outputs.awaitResult(bad, 0);
        assertThat(result.getUsed()).hasSize(ALL.size());
        assertThat(worker.process().isAlive()).isTrue();
    }
}
