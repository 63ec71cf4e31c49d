package io.cloe.worker.execution;

import java.time.Duration;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One device with the one thread that uses it. Live studies run between two windows of one that is reprocessed, and stop it where it is
 * segmented at once. A device that does not end a run that was stopped is stuck: it gets no more work, and its thread is left to itself.
 */
final class DeviceLane {

    private static final Logger LOG = LoggerFactory.getLogger(DeviceLane.class);

    /** What a device is used for; called by its thread, but for {@code stuck}. */
    interface Use {

        /** Segments a study and hands it on; reports failures itself. */
        void segment(Work work, DeviceLane lane);

        /** Whether reprocessing waits that would use the device. */
        boolean reprocessingWaits();

        /** Gives back what was not used for this long. */
        void closeIdleSessions(DeviceLane lane, Duration idle);

        /** The device is stuck with these studies; called by the watch's thread. */
        void stuck(DeviceLane lane, List<Work> held);
    }

    private final int index;
    private final String name;
    private final WorkQueue ready;
    private final FloorShare floor;
    private final RunWatch watch;
    private final Duration sessionIdle;
    private final Use use;
    private final LongSupplier nanoTime;
    private final Deque<Work> held = new ConcurrentLinkedDeque<>();
    private final AtomicLong busyNanos = new AtomicLong();
    private final AtomicLong studies = new AtomicLong();
    private final AtomicLong interruptions = new AtomicLong();
    private volatile long busySince;
    private volatile boolean stuck;
    private long idleCheckedAt;

    /** Up to when the device's time was counted for the floor share; its thread's alone. */
    private long countedAt;

    /** @param nanoTime as {@link System#nanoTime} */
    DeviceLane(
            int index,
            String name,
            WorkQueue ready,
            FloorShare floor,
            RunWatch watch,
            Duration sessionIdle,
            Use use,
            LongSupplier nanoTime) {
        this.index = index;
        this.name = name;
        this.ready = ready;
        this.floor = floor;
        this.watch = watch;
        this.sessionIdle = sessionIdle;
        this.use = use;
        this.nanoTime = nanoTime;
        this.idleCheckedAt = nanoTime.getAsLong();
    }

    int index() {
        return index;
    }

    String name() {
        return name;
    }

    boolean isStuck() {
        return stuck;
    }

    ExecutorSnapshot.Device snapshot() {
        long since = busySince;
        long now = since == 0 ? 0 : Math.max(0, nanoTime.getAsLong() - since);
        return new ExecutorSnapshot.Device(
                name, stuck, since != 0, busyNanos.get() + now, studies.get(), interruptions.get());
    }

    /** One pass of the device's thread; not to be called again once the device is stuck. */
    void runNext() throws InterruptedException {
        long halfIdle = Math.max(1, sessionIdle.toMillis() / 2);
        Optional<Work> next = ready.take(halfIdle);
        if (next.isPresent()) {
            busySince = nanoTime.getAsLong();
            countedAt = busySince;
            try {
                run(next.get());
            } finally {
                busyNanos.addAndGet(nanoTime.getAsLong() - busySince);
                busySince = 0;
            }
        }
        if (!stuck && nanoTime.getAsLong() - idleCheckedAt >= halfIdle * 1_000_000) {
            use.closeIdleSessions(this, sessionIdle);
            idleCheckedAt = nanoTime.getAsLong();
        }
    }

    /** A live study waits: what is reprocessed here makes way for it, unless it is due. For any thread; whether a run was stopped. */
    boolean makeWay() {
        Work running = held.peek();
        boolean must = running != null && running.worth() == PriorityClass.REPROCESS && !floor.isDue();
        return must && running.control().makeWay();
    }

    boolean isIdle() {
        return !stuck && held.isEmpty();
    }

    private void run(Work work) {
        held.push(work);
        RunWatch.Run watched = watch.start(
                () -> {
                    work.ranOutOfTime = true;
                    work.control().cancel("the device took too long");
                },
                this::becomeStuck);
        work.beforeWindow = () -> interrupt(work, watched);
        try {
            use.segment(work, this);
        } finally {
            watched.end();
            held.remove(work);
            work.beforeWindow = () -> {};
        }
        studies.incrementAndGet();
        count(work.worth());
    }

    /** Runs live studies before the next window of one that is reprocessed, unless that window is due. */
    private void interrupt(Work work, RunWatch.Run watched) {
        if (work.worth() == PriorityClass.LIVE) {
            return;
        }
        count(work.worth());
        while (!floor.isDue() && !stuck) {
            Optional<Work> live = ready.pollLive();
            if (live.isEmpty()) {
                return;
            }
            watched.pause();
            try {
                interruptions.incrementAndGet();
                run(live.get());
            } finally {
                watched.resume();
            }
        }
    }

    /** Counts the time since the last call for the floor share; a live study's only if another one waits, interrupted or queued. */
    private void count(PriorityClass worth) {
        long now = nanoTime.getAsLong();
        if (worth == PriorityClass.REPROCESS || !held.isEmpty() || use.reprocessingWaits()) {
            floor.worked(worth, now - countedAt);
        }
        countedAt = now;
    }

    private void becomeStuck() {
        stuck = true;
        LOG.error("device {} does not end a run that was stopped; it gets no more work", name);
        use.stuck(this, List.copyOf(held));
    }
}
