package io.cloe.it.faults;

import java.time.Duration;

/** The mask store refuses every write for a while, as a share does whose server has a problem. */
final class ReadOnlyMasks implements Scenario {

    private SmallDisk disk;

    @Override
    public String name() {
        return "read-only-masks";
    }

    @Override
    public void run(Situation situation) throws Exception {
        disk = SmallDisk.mount(situation.masks(), 32);
        situation.startOneWorkerAndLoad();
        for (int round = 0; round < 2; round++) {
            situation.pass(Duration.ofSeconds(3));
            disk.readOnly(true);
            situation.pass(Duration.ofSeconds(4));
            disk.readOnly(false);
        }
    }

    @Override
    public void close() throws Exception {
        if (disk != null) {
            disk.close();
        }
    }
}
