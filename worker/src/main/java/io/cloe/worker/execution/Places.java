package io.cloe.worker.execution;

/**
 * How many studies may be between reading and writing at a time. Live studies have one place more than reprocessing can take, so that
 * they need not wait for one of its studies to leave. Safe for several threads.
 */
final class Places {

    private final int places;
    private int live;
    private int reprocess;

    Places(int places) {
        this.places = places;
    }

    /** Takes a place if there is one. */
    synchronized boolean tryEnter(PriorityClass worth) {
        if (worth == PriorityClass.LIVE) {
            if (live >= places || live + reprocess > places) {
                return false;
            }
            live++;
            return true;
        }
        if (live + reprocess >= places) {
            return false;
        }
        reprocess++;
        return true;
    }

    synchronized void leave(PriorityClass worth) {
        if (worth == PriorityClass.LIVE) {
            live--;
        } else {
            reprocess--;
        }
    }
}
