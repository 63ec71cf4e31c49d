package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.it.tools.Outputs;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.SecuredBroker;
import io.cloe.it.tools.Studies;
import io.cloe.it.tools.TestCluster;
import io.cloe.it.tools.WorkerJvm;
import io.cloe.topology.Topics;
import io.cloe.worker.cli.ExitCode;
import io.cloe.worker.config.InferenceConfig;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.kafka.ClientSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A site's broker asks for TLS and a password: settings under {@code kafka.} reach every client, and secrets reach no output. */
class SecuredBrokerIT {

    private static final String USER = "imaging";
    private static final String PASSWORD = "planted-secret";
    private static final List<String> SCANS = List.of("T1", "FLAIR");

    @TempDir
    static Path folder;

    private static SecuredBroker broker;
    private static TestCluster cluster;
    private static Topics topics;

    @BeforeAll
    static void start() throws Exception {
        broker = SecuredBroker.start(folder, USER, PASSWORD);
        cluster = new TestCluster(broker.openAddress());
        topics = cluster.createTopics("", 1);
    }

    @AfterAll
    static void stop() {
        cluster.close();
        broker.close();
    }

    @Test
    void shouldPublishResultsWhenTheBrokerAsksForTlsAndAPassword() throws Exception {
        Path place = Files.createDirectory(folder.resolve("let-in"));
        Path volumes = Files.createDirectory(place.resolve("volumes"));
        Map<String, String> settings = settings(place, volumes, PASSWORD);
        ClientSettings clients = ClientSettings.of(onlyKafka(settings));
        try (WorkerJvm worker = WorkerJvm.start(place.resolve("worker"), settings);
                Studies studies = new Studies(volumes, clients);
                Outputs outputs = new Outputs(broker.openAddress(), topics)) {
            studies.submit("study", studies.phantom("study", 0), SCANS, event -> event.setExpectedModalities(SCANS));

            outputs.awaitResult("study", 0);

            assertThat(worker.process().outputLines()).noneMatch(line -> line.contains(PASSWORD));
            assertThat(worker.process().errorLines()).noneMatch(line -> line.contains(PASSWORD));
        }
    }

    @Test
    void shouldSayWhoRefusesItBeforeJoiningWhenThePasswordIsWrong() throws Exception {
        Path place = Files.createDirectory(folder.resolve("refused"));
        Path volumes = Files.createDirectory(place.resolve("volumes"));
        Map<String, String> settings = settings(place, volumes, "wrong-" + PASSWORD);
        try (WorkerJvm worker = WorkerJvm.launch(place.resolve("worker"), settings)) {
            assertThat(worker.process().awaitExit()).isEqualTo(ExitCode.KAFKA);

            // Kafka's client logs it too, with the exception on a line of its own.
            assertThat(worker.said())
                    .filteredOn(line -> line.startsWith("cloe:"))
                    .singleElement(InstanceOfAssertFactories.STRING)
                    .contains(broker.address(), "refuses", "invalid credentials");
            assertThat(worker.process().errorLines()).noneMatch(line -> line.contains(PASSWORD));
            assertThat(cluster.groupExists("refused")).isFalse();
        }
    }

    private static Map<String, String> settings(Path place, Path volumes, String password) {
        Map<String, String> settings = cluster.workerSettings(place, Repository.tinyBundle(), volumes);
        settings.put(WorkerConfig.BOOTSTRAP_SERVERS, broker.address());
        settings.put(WorkerConfig.APPLICATION_ID, place.getFileName().toString());
        settings.put(InferenceConfig.INFERENCE_THREADS, "1");
        broker.clientSettings(USER, password)
                .forEach((key, value) -> settings.put(WorkerConfig.KAFKA_PREFIX + key, value));
        return settings;
    }

    private static Map<String, String> onlyKafka(Map<String, String> settings) {
        Map<String, String> clients = new HashMap<>(settings);
        clients.keySet()
                .removeIf(key ->
                        !key.startsWith(WorkerConfig.KAFKA_PREFIX) && !key.equals(WorkerConfig.BOOTSTRAP_SERVERS));
        return clients;
    }
}
