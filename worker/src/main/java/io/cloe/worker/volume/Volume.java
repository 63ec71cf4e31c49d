package io.cloe.worker.volume;

import java.util.EnumSet;
import java.util.Objects;
import java.util.Set;

/**
 * One scan in memory.
 *
 * <p>The voxel array is handed over, not copied, for it is large: whoever holds a volume reads it and never writes.
 *
 * @param grid where the voxels lie
 * @param voxels intensities after the file's scaling, storage order, i fastest, then j, then k; all finite
 * @param nonFinite voxels that were NaN or infinite in the file and are 0 here
 * @param atTypeMaximum voxels at the largest value of the file's integer type; 0 for floating point types
 */
public record Volume(Grid grid, float[] voxels, long nonFinite, long atTypeMaximum) {
    /**
     * Part of the nonzero voxels from which on a volume counts as saturated. An image stretched to its type's range has a
     * few voxels at the top; one that was cut off has whole structures there.
     */
    private static final double SATURATED_PART = 1e-3;

    /** @throws IllegalArgumentException if the array does not have one voxel per grid point */
    public Volume {
        Objects.requireNonNull(grid);
        if (voxels.length != grid.voxels()) {
            throw new IllegalArgumentException("the grid has " + grid.voxels() + " voxels, the array " + voxels.length);
        }
    }

    /** What a reviewer should know of this volume. */
    public Set<VolumeFlag> flags() {
        var flags = EnumSet.noneOf(VolumeFlag.class);
        if (nonFinite > 0) {
            flags.add(VolumeFlag.NON_FINITE_VOXELS);
        }
        if (!grid.orientationKnown()) {
            flags.add(VolumeFlag.ORIENTATION_UNKNOWN);
        }
        if (atTypeMaximum > 0 && atTypeMaximum >= SATURATED_PART * nonZero()) {
            flags.add(VolumeFlag.SATURATED);
        }
        return flags;
    }

    private long nonZero() {
        long count = 0;
        for (float voxel : voxels) {
            if (voxel != 0) {
                count++;
            }
        }
        return count;
    }
}
