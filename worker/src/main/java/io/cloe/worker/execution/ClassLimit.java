package io.cloe.worker.execution;

import java.util.EnumMap;
import java.util.Map;

/**
 * How many studies of each class a stage works on at a time. A stage with one thread more always has one for a live study, however long
 * reprocessing takes there, and the other way round. Safe for several threads.
 */
final class ClassLimit {

    private final int most;
    private final Map<PriorityClass, Integer> counts = new EnumMap<>(PriorityClass.class);

    /** @param most of each class, at least 1 */
    ClassLimit(int most) {
        this.most = most;
    }

    /** Counts one more if there may be one. */
    synchronized boolean tryEnter(PriorityClass worth) {
        if (count(worth) >= most) {
            return false;
        }
        counts.merge(worth, 1, Integer::sum);
        return true;
    }

    synchronized void leave(PriorityClass worth) {
        counts.merge(worth, -1, Integer::sum);
    }

    synchronized int count(PriorityClass worth) {
        return counts.getOrDefault(worth, 0);
    }
}
