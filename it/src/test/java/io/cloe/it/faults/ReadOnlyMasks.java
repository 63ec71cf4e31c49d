package io.cloe.it.faults;

import io.cloe.schemas.FailureReason;
import java.time.Duration;
import java.util.Optional;

/** The mask store refuses every write for a while, as a share does whose server has a problem. */
final class ReadOnlyMasks implements Scenario {

    private SmallDisk disk;

    @Override
    public String name() {
        return "read-only-masks";
    }

    @Override
    public Optional<FailureReason> cause() {
        return Optional.of(FailureReason.MASK_STORE_ERROR);
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
