package io.cloe.worker.execution;

import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Watches how long devices take: a run that takes too long is stopped, and if it does not end then either, its device counts as stuck. Time
 * in which a run was interrupted by a more urgent one does not count.
 */
final class RunWatch implements AutoCloseable {

    private final long timeoutNanos;
    private final long graceNanos;
    private final ScheduledThreadPoolExecutor timer;
    private volatile Thread thread;

    RunWatch(Duration timeout, Duration grace) {
        this.timeoutNanos = timeout.toNanos();
        this.graceNanos = grace.toNanos();
        this.timer = new ScheduledThreadPoolExecutor(1, task -> {
            Thread started = new Thread(task, "cloe-watch");
            started.setDaemon(true);
            thread = started;
            return started;
        });
        timer.setRemoveOnCancelPolicy(true);
    }

    /**
     * Begins to watch.
     *
     * @param stop stops the run; called by the watch's thread
     * @param stuck tells that the run did not end; called by the watch's thread
     */
    Run start(Runnable stop, Runnable stuck) {
        Run run = new Run(stop, stuck);
        run.resume();
        return run;
    }

    @Override
    public void close() throws InterruptedException {
        timer.shutdownNow();
        Thread last = thread;
        if (last != null) {
            last.join(Duration.ofSeconds(10).toMillis());
        }
    }

    /** One run of a device. */
    final class Run {

        private final Runnable stop;
        private final Runnable stuck;
        private long leftNanos = timeoutNanos;
        private long resumedAt;
        private Future<?> alarm;
        private boolean stopped;
        private boolean ended;

        private Run(Runnable stop, Runnable stuck) {
            this.stop = stop;
            this.stuck = stuck;
        }

        /** The device works on something else for a while. */
        synchronized void pause() {
            if (!stopped) {
                leftNanos -= System.nanoTime() - resumedAt;
                alarm.cancel(false);
            }
        }

        synchronized void resume() {
            if (!stopped && !timer.isShutdown()) {
                resumedAt = System.nanoTime();
                alarm = timer.schedule(this::timeIsUp, Math.max(0, leftNanos), TimeUnit.NANOSECONDS);
            }
        }

        synchronized void end() {
            ended = true;
            alarm.cancel(false);
        }

        private synchronized void timeIsUp() {
            if (ended || stopped) {
                return;
            }
            stopped = true;
            stop.run();
            alarm = timer.schedule(this::graceIsUp, graceNanos, TimeUnit.NANOSECONDS);
        }

        private void graceIsUp() {
            synchronized (this) {
                if (ended) {
                    return;
                }
            }
            stuck.run();
        }
    }
}
