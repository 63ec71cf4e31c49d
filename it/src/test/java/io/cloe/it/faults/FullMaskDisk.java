package io.cloe.it.faults;

import io.cloe.schemas.FailureReason;
import java.time.Duration;
import java.util.Optional;

/** The disk of the masks is full for a while. */
final class FullMaskDisk implements Scenario {

    private SmallDisk disk;

    @Override
    public String name() {
        return "full-mask-disk";
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
            disk.fill();
            situation.pass(Duration.ofSeconds(5));
            disk.free();
        }
    }

    @Override
    public void close() throws Exception {
        if (disk != null) {
            disk.close();
        }
    }
}
