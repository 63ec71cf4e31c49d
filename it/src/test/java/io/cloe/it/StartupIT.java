package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.it.tools.FreePorts;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.TestCluster;
import io.cloe.it.tools.WorkerJvm;
import io.cloe.standalone.EmbeddedBroker;
import io.cloe.topology.Topics;
import io.cloe.worker.cli.ExitCode;
import io.cloe.worker.config.InferenceConfig;
import io.cloe.worker.config.StudySettings;
import io.cloe.worker.config.WorkerConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.NewPartitions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.io.TempDir;

/**
 * A worker that cannot start says so in one line, ends with the code that tells why, and has not touched the group: workers that run
 * are not disturbed.
 */
class StartupIT {

    @TempDir
    static Path folder;

    private static EmbeddedBroker broker;
    private static TestCluster cluster;

    private Path mine;
    private Map<String, String> settings;
    private String group;

    @BeforeAll
    static void start() throws Exception {
        broker = EmbeddedBroker.start(Files.createDirectory(folder.resolve("kafka")), 0);
        cluster = new TestCluster(broker.address());
        cluster.createTopics("", 2);
    }

    @AfterAll
    static void stop() {
        if (cluster != null) {
            cluster.close();
        }
        if (broker != null) {
            broker.close();
        }
    }

    /** Settings with which a worker starts; each test spoils one. */
    @BeforeEach
    void settings(TestInfo test) throws IOException {
        group = test.getTestMethod().orElseThrow().getName();
        mine = Files.createDirectory(folder.resolve(group));
        Path volumes = Files.createDirectory(mine.resolve("volumes"));
        settings = cluster.workerSettings(mine, Repository.tinyBundle(), volumes);
        settings.put(WorkerConfig.APPLICATION_ID, group);
    }

    @Test
    void shouldStartAndJoinWhenNothingIsWrong() throws Exception {
        try (WorkerJvm worker = WorkerJvm.start(mine, settings)) {
            assertThat(cluster.groupExists(group)).isTrue();
            assertThat(worker.said()).isEmpty();
            worker.stop();
        }
    }

    @Test
    void shouldNameTheSettingWhenOneIsMissing() throws Exception {
        settings.remove(WorkerConfig.MODEL_BUNDLES);

        assertThat(refusal(ExitCode.CONFIGURATION)).contains(WorkerConfig.MODEL_BUNDLES);
    }

    @Test
    void shouldNameKeyValueAndWhatIsAllowedWhenASettingIsWrong() throws Exception {
        settings.put(StudySettings.STUDY_ON_INCOMPLETE, "perhaps");

        assertThat(refusal(ExitCode.CONFIGURATION))
                .contains(StudySettings.STUDY_ON_INCOMPLETE, "perhaps", "run", "wait", "discard");
    }

    @Test
    void shouldNameTheValueWhenADurationIsWrong() throws Exception {
        settings.put(StudySettings.STUDY_TIMEOUT, "soon");

        assertThat(refusal(ExitCode.CONFIGURATION)).contains(StudySettings.STUDY_TIMEOUT, "soon");
    }

    @Test
    void shouldNameTheSettingWhenItIsUnknown() throws Exception {
        settings.put("study.timeuot", "1m");

        assertThat(refusal(ExitCode.CONFIGURATION)).contains("study.timeuot");
    }

    @Test
    void shouldNameTheModalityWhenTheRuleAsksForOneThatNoModelKnows() throws Exception {
        settings.put(StudySettings.STUDY_REQUIRED, "T1 and ADC");

        assertThat(refusal(ExitCode.CONFIGURATION)).contains(StudySettings.STUDY_REQUIRED, "ADC", "FLAIR");
    }

    @Test
    void shouldRefuseASettingThatWouldBreakTheWorkersPromise() throws Exception {
        settings.put(WorkerConfig.KAFKA_PREFIX + "processing.guarantee", "at_least_once");

        assertThat(refusal(ExitCode.CONFIGURATION)).contains("processing.guarantee");
    }

    @Test
    void shouldNameTheSettingWhenKafkaRefusesIt() throws Exception {
        settings.put(WorkerConfig.KAFKA_PREFIX + "session.timeout.ms", "soon");

        assertThat(refusal(ExitCode.CONFIGURATION)).contains("session.timeout.ms", "soon");
    }

    @Test
    void shouldNameTheAddressWhenItHasNoPort() throws Exception {
        settings.put(WorkerConfig.BOOTSTRAP_SERVERS, "127.0.0.1");

        assertThat(refusal(ExitCode.CONFIGURATION)).contains(WorkerConfig.BOOTSTRAP_SERVERS, "127.0.0.1");
    }

    @Test
    void shouldNameTheStateDirectoryWhenItCannotBeWritten() throws Exception {
        // A folder below a file cannot be made by anybody, not even by root.
        Path file = Files.createFile(mine.resolve("a-file"));
        settings.put(WorkerConfig.STATE_DIRECTORY, file.resolve("state").toString());

        assertThat(refusal(ExitCode.CONFIGURATION)).contains(WorkerConfig.STATE_DIRECTORY);
    }

    @Test
    void shouldNameTheBrokerWhenItDoesNotAnswer() throws Exception {
        String nobody = "127.0.0.1:" + FreePorts.next();
        settings.put(WorkerConfig.BOOTSTRAP_SERVERS, nobody);

        assertThat(refusal(ExitCode.KAFKA)).contains(nobody);
    }

    @Test
    void shouldNameTheTopicsWhenTheyAreMissing() throws Exception {
        settings.put(WorkerConfig.TOPICS_PREFIX, "absent.");

        assertThat(refusal(ExitCode.KAFKA)).contains("absent.scan-events", "absent.dead-letters", "topics create");
    }

    @Test
    void shouldNameTheTopicsWhenTheirPartitionCountsDiffer() throws Exception {
        Topics uneven = cluster.createTopics("uneven.", 2);
        cluster.admin()
                .createPartitions(Map.of(uneven.studyCommands(), NewPartitions.increaseTo(3)))
                .all()
                .get();
        settings.put(WorkerConfig.TOPICS_PREFIX, "uneven.");

        assertThat(refusal(ExitCode.KAFKA)).contains("uneven.scan-events=2", "uneven.study-commands=3");
    }

    @Test
    void shouldRefuseABundleWhenAByteOfItChanged() throws Exception {
        Path bundle = copyOf(Repository.tinyBundle());
        Path weights = bundle.resolve("graphs/weights.bin");
        byte[] bytes = Files.readAllBytes(weights);
        bytes[bytes.length / 2] ^= 1;
        Files.write(weights, bytes);
        settings.put(WorkerConfig.MODEL_BUNDLES, bundle.toString());

        assertThat(refusal(ExitCode.MODEL)).contains("graphs/weights.bin");
    }

    @Test
    void shouldRefuseABundleWhenItIsNotThere() throws Exception {
        settings.put(WorkerConfig.MODEL_BUNDLES, mine.resolve("no-such-bundle").toString());

        assertThat(refusal(ExitCode.MODEL)).contains("no-such-bundle");
    }

    /** A file where the folder should be: unlike permissions, it stops the superuser too, as whom builds may run. */
    @Test
    void shouldNameTheMaskDirectoryWhenItCannotBeWritten() throws Exception {
        Path file = Files.writeString(mine.resolve("occupied"), "a file");
        settings.put(WorkerConfig.MASK_DIRECTORY, file.resolve("masks").toString());

        assertThat(refusal(ExitCode.MASK_STORE)).contains(WorkerConfig.MASK_DIRECTORY, file.toString());
    }

    @Test
    void shouldNotFallBackToTheCpuWhenCudaIsAskedForAndAbsent() throws Exception {
        Assumptions.assumeFalse(
                Files.exists(Path.of("/dev/nvidiactl")), "skipped: this machine has a CUDA device to use");
        settings.put(InferenceConfig.DEVICE, "cuda:0");

        assertThat(refusal(ExitCode.DEVICE)).contains("cuda:0");
    }

    /** Runs a worker that must not come up; its one line. */
    private String refusal(int code) throws Exception {
        try (WorkerJvm worker = WorkerJvm.launch(mine, settings)) {
            int exit = worker.process().awaitExit();
            List<String> said = worker.said();
            assertThat(said).as("standard error apart from the log").hasSize(1);
            assertThat(exit).as(said.get(0)).isEqualTo(code);
            assertThat(said.get(0)).startsWith("cloe: ");
            assertThat(worker.process().outputLines()).isEmpty();
            assertThat(cluster.groupExists(group)).isFalse();
            return said.get(0);
        }
    }

    private Path copyOf(Path bundle) throws IOException {
        Path copy = mine.resolve("bundle");
        try (Stream<Path> files = Files.walk(bundle)) {
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(bundle.relativize(file).toString()));
            }
        }
        return copy;
    }
}
