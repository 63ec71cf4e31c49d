package io.cloe.worker.bundle;

/** What a graph is there for. All but {@link #WINDOW} are in a bundle on request only. */
public enum GraphUse {
    /** One window of the bundle's shape. */
    WINDOW(""),
    /** As {@code WINDOW}, for two modalities, and computes their consistency. The weights are 1/2 nevertheless. */
    CONSISTENCY("consistency"),
    /** A whole crop, padded with zeros to the graph's shape: answers labels, for nothing overlaps. */
    WHOLE_CROP("whole-crop"),
    /** A window smaller than the bundle's, for a device that has no memory for it. */
    SMALL_WINDOW("small-window");

    private final String key;

    GraphUse(String key) {
        this.key = key;
    }

    /** The manifest's word for it. */
    String key() {
        return key;
    }
}
