package io.cloe.it.faults;

import java.time.Duration;

/** The disk of a worker's state is full for a while, and the worker is killed meanwhile. */
final class FullStateDisk implements Scenario {

    @Override
    public String name() {
        return "full-state-disk";
    }

    @Override
    public void run(Situation situation) throws Exception {
        Fleet fleet = situation.fleet();
        try (SmallDisk disk = SmallDisk.mount(fleet.state(0), 16)) {
            situation.startOneWorkerAndLoad();
            situation.pass(Duration.ofSeconds(3));
            disk.fill();
            situation.pass(Duration.ofSeconds(4));
            if (fleet.member(0).isAlive()) {
                fleet.kill(0);
                situation.killed();
            }
            fleet.start(0).awaitExit();
            disk.free();
            fleet.supervise(0);
            fleet.awaitRunning(0);
            situation.pass(Duration.ofSeconds(2));
            fleet.stop(0);
        }
        // On another machine, so to speak: from the changelogs.
        fleet.start(1);
    }
}
