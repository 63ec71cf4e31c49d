package io.cloe.worker.execution;

/**
 * Bytes of heap that all studies in memory may take together. A study reserves what it will need at most before its first volume is
 * read, and gives parts back as it passes its stages; so the heap cannot run out however many studies wait. Reprocessing gets at most half
 * while there is anything else, and waits behind live studies. Safe for several threads.
 */
final class MemoryBudget {

    private final long total;
    private long reserved;
    private long reservedByReprocess;
    private int liveWaiting;

    MemoryBudget(long total) {
        this.total = total;
    }

    long total() {
        return total;
    }

    synchronized long reserved() {
        return reserved;
    }

    /**
     * Waits until the bytes are free.
     *
     * @param bytes at most {@link #total}
     */
    synchronized Reservation reserve(long bytes, PriorityClass worth) throws InterruptedException {
        if (bytes > total) {
            throw new IllegalArgumentException("more than there will ever be");
        }
        boolean live = worth == PriorityClass.LIVE;
        liveWaiting += live ? 1 : 0;
        try {
            while (!fits(bytes, live)) {
                wait();
            }
        } finally {
            liveWaiting -= live ? 1 : 0;
            notifyAll();
        }
        change(bytes, live);
        return new Reservation(bytes, live);
    }

    private boolean fits(long bytes, boolean live) {
        if (!live && liveWaiting > 0 || reserved + bytes > total) {
            return false;
        }
        return live || reserved == 0 || reservedByReprocess + bytes <= total / 2;
    }

    private void change(long bytes, boolean live) {
        reserved += bytes;
        reservedByReprocess += live ? 0 : bytes;
    }

    /** A study's part of the budget. */
    final class Reservation {

        private final boolean live;
        private long bytes;

        private Reservation(long bytes, boolean live) {
            this.bytes = bytes;
            this.live = live;
        }

        /** Keeps no more than this; more than is held changes nothing. */
        void shrinkTo(long keep) {
            synchronized (MemoryBudget.this) {
                if (keep < bytes) {
                    change(keep - bytes, live);
                    bytes = keep;
                    MemoryBudget.this.notifyAll();
                }
            }
        }

        void release() {
            shrinkTo(0);
        }
    }
}
