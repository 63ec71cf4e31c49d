package io.cloe.worker.execution;

/**
 * How many studies may be between reading and writing at a time. Live studies get their places whatever is reprocessed: a study that they
 * interrupt keeps its own, and they would pass one by one otherwise.
 *
 * <p>Reading and writing take cores that live studies need; a study that waits for the device takes none. So from a live study's coming on
 * reprocessing passes one study at a time, and none is begun while a live one is read, until one has passed without another live study coming.
 * Where its share of the device is due, the next one is read whatever else is here.
 *
 * <p>Safe for several threads.
 */
final class Places {

    private final int places;
    private final ClassLimit reading;
    private final FloorShare floor;
    private int live;
    private int reprocess;
    private boolean quiet = true;
    private boolean liveCame;

    /**
     * @param readers studies of a class that may be read at a time
     * @param devices how many there are
     * @param floor what reprocessing is owed
     */
    Places(int readers, int devices, FloorShare floor) {
        this.places = readers + devices;
        this.reading = new ClassLimit(readers);
        this.floor = floor;
    }

    /** Takes a place, to be read, if there is one. */
    synchronized boolean tryEnter(PriorityClass worth) {
        if (!hasPlace(worth) || !reading.tryEnter(worth)) {
            return false;
        }
        if (worth == PriorityClass.LIVE) {
            live++;
            quiet = false;
            liveCame = true;
        } else {
            liveCame = live > 0 || reprocess > 0 && liveCame;
            reprocess++;
        }
        return true;
    }

    private boolean hasPlace(PriorityClass worth) {
        if (worth == PriorityClass.LIVE) {
            return live < places;
        }
        if (floor.isDue()) {
            return reprocess < places && reading.count(PriorityClass.REPROCESS) == 0;
        }
        return reading.count(PriorityClass.LIVE) == 0 && reprocess < (quiet ? places : 1);
    }

    /** The study was read, or could not be. */
    void wasRead(PriorityClass worth) {
        reading.leave(worth);
    }

    synchronized void leave(PriorityClass worth) {
        if (worth == PriorityClass.LIVE) {
            live--;
            return;
        }
        reprocess--;
        quiet |= reprocess == 0 && !liveCame;
    }
}
