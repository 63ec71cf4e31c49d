package io.cloe.worker.execution;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * What is computed now, by what it is made of: a second job with the same input waits for the first one's result, instead of computing it
 * too. Safe for several threads.
 *
 * <p>A job waits only behind one that is at least as urgent; a more urgent one computes, and the others wait for it from then on. However a
 * computation ends, all that waited are handed back: to take its result, or to compute themselves.
 */
final class InFlight {

    private final Map<String, Computation> byInput = new HashMap<>();
    private int waiting;

    private static final class Computation {
        private Work by;
        private final List<Work> waiting = new ArrayList<>();

        private Computation(Work by) {
            this.by = by;
        }
    }

    /**
     * Says that a job is about to compute.
     *
     * @param input digests of the model and of what the job reads
     * @return whether it should; if not, it waits, and {@link #end} of another job hands it back
     */
    synchronized boolean begin(String input, Work work) {
        Computation running = byInput.putIfAbsent(input, new Computation(work));
        if (running == null || isMoreUrgent(work, running.by)) {
            byInput.get(input).by = work;
            return true;
        }
        running.waiting.add(work);
        waiting++;
        return false;
    }

    private static boolean isMoreUrgent(Work work, Work than) {
        return work.worth() == than.worth()
                ? work.job().getPriority() > than.job().getPriority()
                : work.worth() == PriorityClass.LIVE;
    }

    /**
     * Says that a job computes no more, whether it has a result or not; nothing happens for one that did not compute.
     *
     * @return the jobs that waited for it, and do not any more
     */
    synchronized List<Work> end(String input, Work work) {
        Computation ended = byInput.get(input);
        if (ended == null || ended.by != work) {
            return List.of();
        }
        byInput.remove(input);
        waiting -= ended.waiting.size();
        return ended.waiting;
    }

    /** Forgets jobs that wait and are no longer wanted. */
    synchronized void removeIf(Predicate<Work> unwanted) {
        for (Computation running : byInput.values()) {
            for (Iterator<Work> works = running.waiting.iterator(); works.hasNext(); ) {
                if (unwanted.test(works.next())) {
                    works.remove();
                    waiting--;
                }
            }
        }
    }

    /** How many jobs wait. */
    synchronized int waiting() {
        return waiting;
    }
}
