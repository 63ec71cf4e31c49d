package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.it.matrix.MatrixRun;
import io.cloe.it.matrix.MatrixRun.Outcome;
import io.cloe.it.matrix.StudyTopologyContender;
import io.cloe.it.tools.BrokerProcess;
import io.cloe.it.tools.TestCluster;
import io.cloe.topology.matrix.Situation;
import io.cloe.topology.matrix.Verdict;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * All 64 arrival orders in the situations that a driver of topology tests cannot show, each without other traffic; {@code it/bench
 * matrix} has them all.
 */
class MatrixIT {

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
        if (cluster != null) {
            cluster.close();
        }
        if (broker != null) {
            broker.close();
        }
    }

    @ParameterizedTest(name = "{0}")
    @EnumSource(names = {"IDLE", "RESTART", "REBALANCE"})
    void shouldPublishOneCorrectResultOfEachStudyWhenOnARealBroker(Situation situation) throws Exception {
        MatrixRun run = new MatrixRun(cluster, broker.address(), folder, new Random(1));

        Outcome outcome = run.of(new StudyTopologyContender(), situation, false);

        assertThat(outcome.faults()).isEmpty();
        assertThat(outcome.count(Verdict.CORRECT)).isEqualTo(64);
    }
}
