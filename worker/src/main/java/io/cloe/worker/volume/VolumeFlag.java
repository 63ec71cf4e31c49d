package io.cloe.worker.volume;

/** What a person who reviews a result should know of a volume that went into it. */
public enum VolumeFlag {
    /** The file held NaN or infinite voxels; they were read as 0. */
    NON_FINITE_VOXELS,
    /** The file does not say how it lies in the patient: left and right may be swapped. */
    ORIENTATION_UNKNOWN,
    /** Many voxels sit at the largest value that the file's type can hold: the intensities were cut off. */
    SATURATED
}
