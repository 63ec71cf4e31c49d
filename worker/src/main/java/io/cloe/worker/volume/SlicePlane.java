package io.cloe.worker.volume;

/** The three planes in which people look at a head. Named as in radiology. */
public enum SlicePlane {
    /** From below: the patient's left on the right, the face up. */
    AXIAL(0, 1, 2, false),
    /** From the front: the patient's left on the right, the head up. */
    CORONAL(0, 2, 1, true),
    /** From the patient's left: the face on the left, the head up. */
    SAGITTAL(1, 2, 0, true);

    private final int across;
    private final int down;
    private final int through;
    private final boolean upsideDown;

    /** Axes of a volume in the order LPS: 0 to the patient's left, 1 to the back, 2 to the top. */
    SlicePlane(int across, int down, int through, boolean upsideDown) {
        this.across = across;
        this.down = down;
        this.through = through;
        this.upsideDown = upsideDown;
    }

    int across() {
        return across;
    }

    int down() {
        return down;
    }

    int through() {
        return through;
    }

    boolean upsideDown() {
        return upsideDown;
    }
}
