package io.cloe.worker.inference;

/** Why a person should look at a result. Published by name. */
public enum ReviewFlag {
    /** The model is not for clinical use. */
    DEMONSTRATION_MODEL,
    /** A voxel edge is smaller or larger than any that the model was trained on. */
    SPACING_OUT_OF_RANGE,
    /** Nothing but background was found. */
    REGION_EMPTY,
    /** A region of the bundle was found, but smaller than the limit. */
    SMALL_REGION,
    /** All that was found together is larger than plausible. */
    VOLUME_IMPLAUSIBLE,
    /** What was found reaches the last voxel of the volume: part of it may lie outside. */
    MASK_TOUCHES_EDGE,
    /** One of three or more modalities has nearly all the weight. */
    WEIGHT_DOMINATES,
    /** A modality's expert disagrees with the others. */
    LOW_CONSISTENCY,
    /** The device had no memory for the model's windows: smaller ones were used, which see less around each voxel. */
    SMALL_WINDOWS,
    /**
     * The model segments brains at once, but this one is larger than its graphs or than the memory: windows were used, which see less around
     * each voxel.
     */
    NOT_AT_ONCE
}
