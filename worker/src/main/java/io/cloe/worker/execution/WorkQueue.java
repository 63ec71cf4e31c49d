package io.cloe.worker.execution;

import java.util.Comparator;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.function.Predicate;

/**
 * Jobs on the way to their next stage: live ones before reprocessing unless that is due, within a class by priority, then the longest
 * waiting first. Safe for several threads.
 */
final class WorkQueue {

    private static final Comparator<Work> NEXT_FIRST = Comparator.comparing(
                    (Work work) -> work.job().getPriority(), Comparator.reverseOrder())
            .thenComparing(work -> work.job().getQueuedAt());

    private final PriorityQueue<Work> live = new PriorityQueue<>(NEXT_FIRST);
    private final PriorityQueue<Work> reprocess = new PriorityQueue<>(NEXT_FIRST);
    private final FloorShare floor;

    WorkQueue(FloorShare floor) {
        this.floor = floor;
    }

    synchronized void add(Work work) {
        queue(work.worth()).add(work);
        notifyAll();
    }

    synchronized void remove(Work work) {
        queue(work.worth()).remove(work);
    }

    synchronized void removeIf(Predicate<Work> unwanted) {
        live.removeIf(unwanted);
        reprocess.removeIf(unwanted);
    }

    /** Waits for a job for at most this long; empty if none came. */
    synchronized Optional<Work> take(long millis) throws InterruptedException {
        return take(worth -> true, millis);
    }

    /**
     * Waits for a job of a class that is let in. Who changes what {@code letIn} says calls {@link #letInChanged}.
     *
     * @param letIn asked under the queue's lock, and told by the answer's use: the job is taken if it says yes
     */
    synchronized Optional<Work> take(Predicate<PriorityClass> letIn, long millis) throws InterruptedException {
        long end = System.nanoTime() + millis * 1_000_000;
        while (true) {
            Optional<Work> next = next(letIn);
            long left = (end - System.nanoTime()) / 1_000_000;
            if (next.isPresent() || left <= 0) {
                return next;
            }
            wait(left);
        }
    }

    synchronized void letInChanged() {
        notifyAll();
    }

    /** A live job, if one waits. */
    synchronized Optional<Work> pollLive() {
        return Optional.ofNullable(live.poll());
    }

    synchronized int size(PriorityClass worth) {
        return queue(worth).size();
    }

    synchronized Map<PriorityClass, Integer> sizes() {
        return Map.of(PriorityClass.LIVE, live.size(), PriorityClass.REPROCESS, reprocess.size());
    }

    private Optional<Work> next(Predicate<PriorityClass> letIn) {
        if (floor.isDue() && !reprocess.isEmpty() && letIn.test(PriorityClass.REPROCESS)) {
            return Optional.of(reprocess.poll());
        }
        if (!live.isEmpty() && letIn.test(PriorityClass.LIVE)) {
            return Optional.of(live.poll());
        }
        if (!reprocess.isEmpty() && letIn.test(PriorityClass.REPROCESS)) {
            return Optional.of(reprocess.poll());
        }
        return Optional.empty();
    }

    private PriorityQueue<Work> queue(PriorityClass worth) {
        return worth == PriorityClass.LIVE ? live : reprocess;
    }
}
