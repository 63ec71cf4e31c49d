package io.cloe.worker.execution;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.Trigger;
import io.cloe.worker.inference.LongRun;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Whose window is next on a device, by a clock that only windows move: each takes a second. */
class DeviceLaneTest {

    private static final long SECOND = 1_000_000_000;
    private static final int WINDOWS = 3;

    private final AtomicLong now = new AtomicLong(1);
    private final FloorShare floor = new FloorShare(0.25);
    private final WorkQueue ready = new WorkQueue(floor);
    private final RunWatch watch = new RunWatch(Duration.ofMinutes(10), Duration.ofMinutes(1));
    private final Windows windows = new Windows();
    private final DeviceLane lane =
            new DeviceLane(0, "device", ready, floor, watch, Duration.ofHours(1), windows, now::get);

    @AfterEach
    void close() throws InterruptedException {
        watch.close();
    }

    private void ready(String study, Trigger trigger) {
        ready.add(new Work(Jobs.of(study, Map.of()).setTrigger(trigger).build(), new NoLease(), 0));
    }

    private void runAll() throws InterruptedException {
        while (ready.size(PriorityClass.LIVE) + ready.size(PriorityClass.REPROCESS) > 0) {
            lane.runNext();
        }
    }

    @Test
    void shouldRunLiveStudiesBeforeTheNextWindowWhenReprocessingIsNotDue() throws InterruptedException {
        ready("again", Trigger.REPROCESS);
        windows.before(2, () -> {
            ready("live", Trigger.COMPLETE);
            ready("another", Trigger.COMPLETE);
        });
        runAll();

        assertThat(windows.ran)
                .containsExactly("again", "live", "live", "live", "another", "another", "another", "again", "again");
        assertThat(lane.snapshot().interruptions()).isEqualTo(2);
    }

    @Test
    void shouldGiveAnInterruptedStudyNoMoreThanTheWindowsThatAreDue() throws InterruptedException {
        ready("again", Trigger.REPROCESS);
        windows.before(1, () -> {
            for (String live : List.of("a", "b", "c")) {
                ready(live, Trigger.COMPLETE);
            }
        });
        runAll();

        // A live study's three windows earn three quarters of a second, a window costs as much.
        assertThat(windows.ran).containsExactly("a", "a", "a", "again", "b", "b", "b", "again", "c", "c", "c", "again");
    }

    @Test
    void shouldBeginWithReprocessingWhenItIsDueAndGoOnWithLiveStudiesOnceItIsPaid() throws InterruptedException {
        floor.worked(PriorityClass.LIVE, SECOND);
        ready("live", Trigger.COMPLETE);
        ready("again", Trigger.REPROCESS);
        runAll();

        assertThat(windows.ran).containsExactly("again", "live", "live", "live", "again", "again");
    }

    @Test
    void shouldOweNothingForTimeInWhichNoReprocessingWaited() throws InterruptedException {
        ready("live", Trigger.COMPLETE);
        runAll();

        assertThat(floor.isDue()).isFalse();
    }

    @Test
    void shouldStopAWholeCropForALiveStudyOnlyWhenItIsReprocessedAndNotDue() throws InterruptedException {
        List<Boolean> stopped = new ArrayList<>();
        windows.before(1, () -> stopped.add(windows.isStoppedToMakeWay()));
        ready("again", Trigger.REPROCESS);
        runAll();
        windows.before(4, () -> stopped.add(windows.isStoppedToMakeWay()));
        ready("live", Trigger.COMPLETE);
        runAll();
        windows.before(7, () -> {
            floor.worked(PriorityClass.LIVE, 1000 * SECOND);
            stopped.add(windows.isStoppedToMakeWay());
        });
        ready("due", Trigger.REPROCESS);
        runAll();

        assertThat(stopped).containsExactly(true, false, false);
        assertThat(lane.makeWay()).as("an idle device").isFalse();
    }

    /** Studies of three windows; a window takes a second. */
    private final class Windows implements DeviceLane.Use {

        private final List<String> ran = new ArrayList<>();
        private int eventBefore;
        private Runnable event = () -> {};
        private Work runs;

        boolean isStoppedToMakeWay() {
            return LongRun.isStoppedBy(runs.control(), lane::makeWay);
        }

        /** Lets something happen just before the n-th window is begun. */
        void before(int window, Runnable what) {
            eventBefore = window;
            event = what;
        }

        @Override
        public void segment(Work work, DeviceLane device) {
            for (int i = 0; i < WINDOWS; i++) {
                runs = work;
                if (ran.size() + 1 == eventBefore) {
                    eventBefore = 0;
                    event.run();
                }
                work.beforeWindow.run();
                ran.add(work.job().getStudyId());
                now.addAndGet(SECOND);
            }
        }

        @Override
        public boolean reprocessingWaits() {
            return ready.size(PriorityClass.REPROCESS) > 0;
        }

        @Override
        public void closeIdleSessions(DeviceLane device, Duration idle) {
            throw new AssertionError("nothing was idle for so long");
        }

        @Override
        public void stuck(DeviceLane device, List<Work> held) {
            throw new AssertionError("the device answered");
        }
    }
}
