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
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * An owner of a partition is stopped as a suspended machine is, its successor delivers, and then the former owner wakes up in the middle
 * of what it did. Whatever step it was in, there is one result. The two workers of a protocol stay for all steps: starting workers would
 * take most of the time, and a former owner must be good for more than having done no harm.
 */
class ZombieIT {

    private static final List<String> SCANS = List.of("T1", "FLAIR");
    private static final Map<String, Pair> PAIRS = new HashMap<>();

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
        PAIRS.values().forEach(Pair::close);
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
        Pair pair = pair(protocol);
        // Not before each knows whose the partition is: it would lose the partition to that, and not to its standstill.
        cluster.awaitSettled(pair.group, 2);
        Standstill former = pair.fleet.standStill(step);
        pair.submit("study-" + step);
        former.await();
        former.process().suspend();

        cluster.awaitSettled(pair.group, 1);
        pair.outputs.awaitResult("study-" + step, 0);
        former.process().resume();
        former.goOn();

        // Whoever of the two owns the partition now has read all that the former owner still sent.
        pair.submit("after-" + step);
        pair.outputs.awaitResult("after-" + step, 0);
        pair.requireOneResultEach();
        assertThat(former.process().isAlive())
                .as(String.join("\n", former.process().errorLines()))
                .isTrue();
    }

    private static Pair pair(String protocol) throws Exception {
        if (!PAIRS.containsKey(protocol)) {
            PAIRS.put(protocol, new Pair(protocol));
        }
        return PAIRS.get(protocol);
    }

    /** Two workers of a group, for whose one partition either will do. */
    private static final class Pair implements AutoCloseable {

        private final String group;
        private final Topics topics;
        private final Fleet fleet;
        private final Studies studies;
        private final Outputs outputs;
        private final List<String> submitted = new ArrayList<>();

        Pair(String protocol) throws Exception {
            String prefix = protocol + "-";
            group = prefix + "group";
            topics = cluster.createTopics(prefix, 1);
            Path place = Files.createDirectory(folder.resolve(protocol));
            Path volumes = Files.createDirectory(place.resolve("volumes"));
            Map<String, String> settings = cluster.workerSettings(place, Repository.tinyBundle(), volumes);
            settings.put(WorkerConfig.TOPICS_PREFIX, prefix);
            settings.put(WorkerConfig.APPLICATION_ID, group);
            settings.put(WorkerConfig.GROUP_PROTOCOL, protocol);
            settings.put(InferenceConfig.INFERENCE_THREADS, "1");
            TestCluster.hastenTakeover(settings);
            fleet = new Fleet(place, settings);
            studies = new Studies(volumes, cluster.clients(prefix));
            outputs = new Outputs(broker.address(), topics);
            fleet.startObedient(0);
            fleet.startObedient(1);
            fleet.awaitRunning(0);
            fleet.awaitRunning(1);
        }

        /** A study with input of its own: a result that a worker has kept would spare it the steps. */
        void submit(String study) throws Exception {
            studies.submit(study, studies.noise(study, SCANS), SCANS, event -> event.setExpectedModalities(SCANS));
            submitted.add(study);
        }

        /** Of all studies so far: a worker may wake up, and do harm, late. */
        void requireOneResultEach() throws Exception {
            cluster.awaitCaughtUp(group, topics);
            outputs.drain();
            assertThat(outputs.resultCounts())
                    .isEqualTo(submitted.stream().collect(Collectors.toMap(study -> study + "#0", study -> 1L)));
            assertThat(outputs.weightCounts()).isEqualTo(outputs.resultCounts());
            assertThat(outputs.all()).noneMatch(seen -> seen.record().topic().equals(topics.studyFailures()));
            for (String study : submitted) {
                URI mask = URI.create(outputs.awaitResult(study, 0).getMask().getUri());
                assertThat(Path.of(mask)).isNotEmptyFile();
            }
        }

        @Override
        public void close() {
            fleet.close();
            studies.close();
            outputs.close();
        }
    }
}
