package io.cloe.worker.execution;

/**
 * Keeps reprocessing from starving: it is owed a small share of the device's time while live studies keep the device busy. What it
 * got while the device was free counts, so that it overtakes a live study only where live studies leave no gap. It is paid by the window,
 * so that no live study waits for a whole one that is reprocessed. Safe for several threads.
 */
final class FloorShare {

    /** What may be saved up, for example while a study is read: live studies wait for as long at once. */
    private static final double MOST_SAVED_NANOS = 1e9;

    /** What may be borrowed: a long night without live studies is no reason to do without for the whole day. */
    private static final double MOST_BORROWED_NANOS = 60e9;

    private final double share;
    private double owedNanos;

    /** @param share part of the device's time, from 0 (none is owed) to below 1 */
    FloorShare(double share) {
        if (!(share >= 0 && share < 1)) {
            throw new IllegalArgumentException("a share must be in [0, 1)");
        }
        this.share = share;
    }

    /** Counts time that the device worked on a study, while a study of reprocessing waited if it was a live one. */
    synchronized void worked(PriorityClass worth, long nanos) {
        owedNanos += worth == PriorityClass.LIVE ? share * nanos : -(1 - share) * nanos;
        owedNanos = Math.max(-MOST_BORROWED_NANOS, Math.min(MOST_SAVED_NANOS, owedNanos));
    }

    /** Whether reprocessing goes before live studies now. */
    synchronized boolean isDue() {
        return owedNanos > 0;
    }
}
