package io.cloe.it.faults;

import java.time.Duration;

/** The mask store takes its time for every write, so that results queue up before it; the workers are killed meanwhile. */
final class SlowMasks implements Scenario {

    private static final Duration WRITE = Duration.ofMillis(1_500);

    @Override
    public String name() {
        return "slow-masks";
    }

    @Override
    public void run(Situation situation) throws Exception {
        Fleet fleet = situation.fleet();
        fleet.start(0, Step.BEFORE_MASK, WRITE);
        fleet.awaitRunning(0);
        situation.startLoad();
        for (int round = 0; round < 3; round++) {
            situation.pass(situation.between(Duration.ofSeconds(3), Duration.ofSeconds(6)));
            fleet.kill(0);
            situation.killed();
            fleet.start(0, Step.BEFORE_MASK, WRITE);
        }
        fleet.awaitRunning(0);
        fleet.stop(0);
        fleet.start(0);
    }
}
