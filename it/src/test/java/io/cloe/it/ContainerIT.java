package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.it.tools.Outputs;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.Studies;
import io.cloe.it.tools.TestCluster;
import io.cloe.it.tools.Waiting;
import io.cloe.it.tools.WorkerJvm;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.Trigger;
import io.cloe.topology.Topics;
import io.cloe.worker.config.StudySettings;
import io.cloe.worker.config.WorkerConfig;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.ContainerFetchException;
import org.testcontainers.kafka.KafkaContainer;
import org.testcontainers.utility.DockerImageName;

/**
 * The worker against Kafka in a container, as its image is configured by others than this project. Runs where a Docker engine answers
 * and the image can be had; see it/testcontainers/README.md.
 */
class ContainerIT {

    private static final String IMAGE = System.getProperty("cloe.kafka.image", "");
    private static final List<String> SCANS = List.of("T1", "FLAIR");

    @TempDir
    Path folder;

    private static KafkaContainer kafka;

    @BeforeAll
    static void start() {
        requireDocker();
        kafka = new KafkaContainer(DockerImageName.parse(IMAGE).asCompatibleSubstituteFor("apache/kafka"))
                .withStartupTimeout(Waiting.PATIENCE)
                // The brokers of the other tests have these too: nobody waits for a killed member or an absent second
                // one.
                .withEnv("KAFKA_GROUP_STREAMS_INITIAL_REBALANCE_DELAY_MS", "0");
        try {
            kafka.start();
        } catch (ContainerFetchException e) {
            skip("the image " + IMAGE + " cannot be had: choose another with -Dcloe.kafka.image, or build one with"
                    + " it/testcontainers/build-image");
        }
    }

    private static void requireDocker() {
        boolean configured = Optional.ofNullable(System.getenv("DOCKER_HOST")).isPresent();
        // Looked at first: where there is no Docker, Testcontainers says so at length.
        if (!configured && !Files.exists(Path.of("/var/run/docker.sock"))) {
            skip("there is no Docker engine here");
        }
        if (Files.exists(Path.of("/.dockerenv")) && System.getenv("TESTCONTAINERS_HOST_OVERRIDE") == null) {
            skip(
                    "the build runs in a container; set TESTCONTAINERS_HOST_OVERRIDE to the Docker host, such as localhost");
        }
        if (!DockerClientFactory.instance().isDockerAvailable()) {
            skip("no Docker engine answers");
        }
    }

    private static void skip(String why) {
        // To the build's output: a report of nothing run does not say why.
        System.out.println("ContainerIT is skipped: " + why);
        Assumptions.abort("skipped: " + why);
    }

    @AfterAll
    static void stop() {
        if (kafka != null) {
            kafka.stop();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"classic", "streams"})
    void shouldPublishAResultWhenKafkaRunsInAContainer(String protocol) throws Exception {
        String prefix = protocol + "-";
        String address = kafka.getBootstrapServers().replaceFirst("^PLAINTEXT://", "");
        Path volumes = Files.createDirectory(folder.resolve("volumes"));
        try (TestCluster cluster = new TestCluster(address)) {
            Topics topics = cluster.createTopics(prefix, 2);
            Map<String, String> settings = cluster.workerSettings(folder, Repository.tinyBundle(), volumes);
            settings.put(WorkerConfig.TOPICS_PREFIX, prefix);
            settings.put(WorkerConfig.APPLICATION_ID, prefix + "group");
            settings.put(WorkerConfig.GROUP_PROTOCOL, protocol);
            settings.put(StudySettings.STUDY_TIMEOUT, "10m");
            try (WorkerJvm worker = WorkerJvm.start(folder.resolve("worker"), settings);
                    Studies studies = new Studies(volumes, cluster.clients(prefix));
                    Outputs outputs = new Outputs(address, topics)) {
                Map<String, Path> files = studies.phantom("study", 0);
                studies.submit("study", files, SCANS, event -> event.setExpectedModalities(SCANS));

                Segmentation result = outputs.awaitResult("study", 0);

                assertThat(result.getTrigger()).isEqualTo(Trigger.COMPLETE);
                assertThat(Path.of(URI.create(result.getMask().getUri()))).isNotEmptyFile();
                assertThat(worker.stop()).isEqualTo(143);
                cluster.awaitCaughtUp(prefix + "group", topics);
                outputs.drain();
                assertThat(outputs.resultCounts()).isEqualTo(Map.of("study#0", 1L));
            }
        }
    }
}
