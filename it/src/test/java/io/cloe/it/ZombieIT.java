package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.it.faults.Fleet;
import io.cloe.it.faults.Fleet.Standstill;
import io.cloe.it.faults.Step;
import io.cloe.it.tools.BrokerProcess;
import io.cloe.it.tools.Outputs;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.Studies;
import io.cloe.it.tools.TestCluster;
import io.cloe.topology.Topics;
import io.cloe.worker.config.InferenceConfig;
import io.cloe.worker.config.WorkerConfig;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * An owner of a partition is stopped as a suspended machine is, its successor delivers, and then the former owner wakes up in the middle
 * of what it did. Whatever step it was in, there is one result.
 */
class ZombieIT {

    private static final List<String> SCANS = List.of("T1", "FLAIR");

    @TempDir
    static Path folder;

    private static BrokerProcess broker;
    private static TestCluster cluster;

    @BeforeAll
    static void start() throws Exception {
        broker = BrokerProcess.start(Files.createDirectory(folder.resolve("kafka")));
        cluster = new TestCluster(broker.address());
    }

    @AfterAll
    static void stop() {
        cluster.close();
        broker.close();
    }

    static Stream<Arguments> standstills() {
        return Stream.of("classic", "streams")
                .flatMap(protocol -> Stream.of(Step.values()).map(step -> Arguments.of(protocol, step)));
    }

    @ParameterizedTest(name = "{0} {1}")
    @MethodSource("standstills")
    void shouldCommitOneResultWhenAFormerOwnerWakesUp(String protocol, Step step) throws Exception {
        String name = protocol + "-" + step + "-";
        Path place = Files.createDirectory(folder.resolve(name));
        Topics topics = cluster.createTopics(name, 1);
        Path volumes = Files.createDirectory(place.resolve("volumes"));
        Map<String, String> settings = cluster.workerSettings(place, Repository.tinyBundle(), volumes);
        settings.put(WorkerConfig.TOPICS_PREFIX, name);
        settings.put(WorkerConfig.APPLICATION_ID, name + "group");
        settings.put(WorkerConfig.GROUP_PROTOCOL, protocol);
        settings.put(InferenceConfig.INFERENCE_THREADS, "1");
        if (protocol.equals("classic")) { // with the other protocol the broker says so
            settings.put(WorkerConfig.KAFKA_PREFIX + "session.timeout.ms", "3000");
            settings.put(WorkerConfig.KAFKA_PREFIX + "heartbeat.interval.ms", "500");
        }
        // What a standing owner has not committed hides what its successor commits.
        settings.put(WorkerConfig.KAFKA_PREFIX + "producer.transaction.timeout.ms", "3000");
        try (Fleet fleet = new Fleet(place, settings);
                Studies studies = new Studies(volumes, cluster.clients(name));
                Outputs outputs = new Outputs(broker.address(), topics)) {
            Map<String, Path> files = studies.phantom("study", 0);
            Standstill former = fleet.start(0, step, 1);
            fleet.awaitRunning(0);
            studies.submit("study", files, SCANS, event -> event.setExpectedModalities(SCANS));
            former.await();
            former.process().suspend();

            fleet.start(1);
            outputs.awaitResult("study", 0);
            fleet.awaitRunning(1);
            former.process().resume();
            former.goOn();

            // Whoever of the two owns the partition now has read all that the former owner still sent.
            studies.submit("after", files, SCANS, event -> event.setExpectedModalities(SCANS));
            outputs.awaitResult("after", 0);
            cluster.awaitCaughtUp(name + "group", topics);
            outputs.drain();
            assertThat(outputs.resultCounts()).isEqualTo(Map.of("study#0", 1L, "after#0", 1L));
            assertThat(outputs.weightCounts()).isEqualTo(outputs.resultCounts());
            assertThat(outputs.all()).noneMatch(seen -> seen.record().topic().equals(topics.studyFailures()));
            for (String study : List.of("study", "after")) {
                URI mask = URI.create(outputs.awaitResult(study, 0).getMask().getUri());
                assertThat(Path.of(mask)).isNotEmptyFile();
            }
            assertThat(former.process().isAlive())
                    .as(String.join("\n", former.process().errorLines()))
                    .isTrue();
        }
    }
}
