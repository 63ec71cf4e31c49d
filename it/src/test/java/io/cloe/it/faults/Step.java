package io.cloe.it.faults;

/** Moments in the life of a result at which a worker can be made to stand still. */
public enum Step {
    /** A volume is about to be read. */
    BEFORE_DECODE,
    /** A volume was read; normalisation and inference follow. */
    AFTER_DECODE,
    /** The mask is about to be written. */
    BEFORE_MASK,
    /** The mask is in the store, and nobody has heard of it. */
    AFTER_MASK,
    /** The result record is about to be sent; a mask lies in the store. */
    BEFORE_RESULT,
    /** The result record was given to its producer. */
    AFTER_RESULT,
    /** The transaction that holds a segmentation is about to be committed. */
    BEFORE_COMMIT,
    /** The transaction that holds a segmentation was committed. */
    AFTER_COMMIT
}
