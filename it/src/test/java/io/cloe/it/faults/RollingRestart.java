package io.cloe.it.faults;

import java.time.Duration;

/** Two workers are stopped in order and started again, one after the other, as an upgrade does it. */
final class RollingRestart implements Scenario {

    @Override
    public String name() {
        return "rolling-restart";
    }

    @Override
    public void run(Situation situation) throws Exception {
        Fleet fleet = situation.fleet();
        fleet.start(0);
        fleet.start(1);
        fleet.awaitRunning(0);
        fleet.awaitRunning(1);
        situation.startLoad();
        for (int round = 0; round < 4; round++) {
            situation.pass(Duration.ofSeconds(3));
            fleet.stop(round % 2);
            fleet.start(round % 2);
            fleet.awaitRunning(round % 2);
        }
    }
}
