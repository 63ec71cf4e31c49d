package io.cloe.worker.bundle;

/**
 * Voxel sizes the model has seen in training.
 *
 * @param minMm smallest edge of a voxel in millimetres
 * @param maxMm largest edge of a voxel in millimetres
 */
public record SpacingRange(double minMm, double maxMm) {

    /** Whether a voxel edge of this many millimetres was seen in training; false for NaN. */
    public boolean contains(double edgeMm) {
        return edgeMm >= minMm && edgeMm <= maxMm;
    }
}
