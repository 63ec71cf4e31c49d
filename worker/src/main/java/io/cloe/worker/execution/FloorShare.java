package io.cloe.worker.execution;

/**
 * Keeps reprocessing from starving: it is owed a small share of the device's time while live studies keep the device busy. What it
 * got while the device was free counts, so that it overtakes a live study only where live studies leave no gap. Safe for several threads.
 */
final class FloorShare {

    /** What may be saved up or borrowed: a long night without live studies is no reason to do without for the whole day. */
    private static final double MOST_NANOS = 60e9;

    private final double share;
    private double owedNanos;
    private double lastStudyNanos;

    /** @param share part of the device's time, from 0 (none is owed) to below 1 */
    FloorShare(double share) {
        if (!(share >= 0 && share < 1)) {
            throw new IllegalArgumentException("a share must be in [0, 1)");
        }
        this.share = share;
    }

    /** Counts time that the device worked on a study, while a study of reprocessing waited if it was a live one. */
    synchronized void worked(PriorityClass worth, long nanos) {
        if (worth == PriorityClass.LIVE) {
            owedNanos += share * nanos;
        } else {
            owedNanos -= (1 - share) * nanos;
            lastStudyNanos = nanos;
        }
        owedNanos = Math.max(-MOST_NANOS, Math.min(MOST_NANOS, owedNanos));
    }

    /** Whether the next study of reprocessing goes before live ones, and is not interrupted. */
    synchronized boolean isDue() {
        return owedNanos > 0 && owedNanos >= (1 - share) * lastStudyNanos;
    }
}
