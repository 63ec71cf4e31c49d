package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.it.faults.CampaignScene;
import io.cloe.it.faults.Fleet.Standstill;
import io.cloe.it.faults.Step;
import io.cloe.it.tools.BrokerProcess;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A campaign takes each study once, whatever happens to workers and brokers meanwhile. */
class CampaignFaultsIT {

    private static final int STUDIES = 24;

    /** Four run at a time and may go into one commit: 4 + 4 + 8 + 12 can be over when the last worker stands still. */
    private static final int STUDIES_FOR_KILLS = 40;

    /** So many a minute that the campaign is not over while workers come and go, however slow the machine is. */
    private static final String SLOW = "8";

    @TempDir
    static Path folder;

    private static BrokerProcess broker;

    @BeforeAll
    static void start() throws Exception {
        broker = BrokerProcess.start(Files.createDirectory(folder.resolve("kafka")));
    }

    @AfterAll
    static void stop() {
        broker.close();
    }

    @Test
    void shouldDoEachStudyOnceWhenTheWorkerIsKilledAgainAndAgain() throws Exception {
        try (CampaignScene scene = CampaignScene.set(broker, "killed", folder.resolve("killed"), STUDIES_FOR_KILLS)) {
            scene.fleet().stop(0);
            boolean begun = false;
            for (Step step : List.of(Step.AFTER_MASK, Step.AFTER_RESULT, Step.BEFORE_COMMIT, Step.AFTER_COMMIT)) {
                Standstill standstill = scene.fleet().start(0, step, 3);
                if (!begun) {
                    scene.fleet().awaitRunning(0);
                    scene.begin("--concurrency", "4");
                    begun = true;
                }
                standstill.await();
                scene.requireUnderWay();
                scene.fleet().kill(0);
            }
            scene.fleet().start(0);
            scene.awaitEnd();

            assertThat(scene.problems()).isEmpty();
        }
    }

    @Test
    void shouldDoEachStudyOnceWhenWorkersJoinLeaveAndAreKilled() throws Exception {
        try (CampaignScene scene = CampaignScene.set(broker, "moved", folder.resolve("moved"), STUDIES)) {
            scene.begin("--rate", SLOW);
            scene.awaitDone(1);
            scene.fleet().start(1);
            scene.fleet().awaitRunning(1);
            scene.requireUnderWay();
            scene.fleet().stop(0);
            scene.requireUnderWay();
            scene.fleet().start(2);
            scene.fleet().awaitRunning(2);
            scene.fleet().kill(1);
            scene.requireUnderWay();
            scene.hurry();
            scene.awaitEnd();

            assertThat(scene.problems()).isEmpty();
        }
    }

    @Test
    void shouldDoEachStudyOnceWhenTheBrokerIsKilledAndComesBack() throws Exception {
        try (CampaignScene scene = CampaignScene.set(broker, "broker", folder.resolve("broker"), STUDIES)) {
            scene.fleet().supervise(0);
            scene.begin("--rate", SLOW);
            scene.awaitDone(1);
            broker.kill();
            broker.start();
            scene.requireUnderWay();
            scene.hurry();
            scene.awaitEnd();

            assertThat(scene.problems()).isEmpty();
        }
    }
}
