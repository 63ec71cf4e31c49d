package io.cloe.worker.volume;

import java.util.Arrays;
import java.util.Optional;

/**
 * A block of voxels.
 *
 * @param low first voxel along each axis
 * @param high one past the last voxel along each axis; may lie outside the volume where the block is to be padded
 */
record Box(int[] low, int[] high) {

    /** The smallest box around the nonzero voxels of an array in storage order, i fastest; empty if all are 0. */
    static Optional<Box> ofNonZero(float[] voxels, int[] dims) {
        int[] low = dims.clone();
        int[] high = new int[3];
        float[] zeros = new float[dims[0]];
        int row = 0;
        for (int k = 0; k < dims[2]; k++) {
            for (int j = 0; j < dims[1]; j++, row += dims[0]) {
                // Most rows are 0 from end to end. A difference in bits may still be a negative zero.
                int from = Arrays.mismatch(voxels, row, row + dims[0], zeros, 0, dims[0]);
                if (from < 0) {
                    continue;
                }
                while (from < dims[0] && voxels[row + from] == 0) {
                    from++;
                }
                if (from == dims[0]) {
                    continue;
                }
                int to = dims[0];
                int beyond = high[0];
                if (Arrays.mismatch(voxels, row + beyond, row + to, zeros, 0, to - beyond) < 0) {
                    to = beyond;
                }
                while (to > beyond && voxels[row + to - 1] == 0) {
                    to--;
                }
                low[0] = Math.min(low[0], from);
                high[0] = Math.max(high[0], to);
                low[1] = Math.min(low[1], j);
                high[1] = Math.max(high[1], j + 1);
                low[2] = Math.min(low[2], k);
                high[2] = k + 1;
            }
        }
        return high[2] == 0 ? Optional.empty() : Optional.of(new Box(low, high));
    }

    int size(int axis) {
        return high[axis] - low[axis];
    }

    /** Voxels in the block; may exceed an int. */
    long voxels() {
        return (long) size(0) * size(1) * size(2);
    }

    /** The smallest box around both. */
    Box union(Box other) {
        int[] lower = new int[3];
        int[] higher = new int[3];
        for (int axis = 0; axis < 3; axis++) {
            lower[axis] = Math.min(low[axis], other.low[axis]);
            higher[axis] = Math.max(high[axis], other.high[axis]);
        }
        return new Box(lower, higher);
    }

    /**
     * The box made at least as long as a window along each axis: widened evenly, with the odd voxel at the high end, then
     * shifted into the volume. Where the volume itself is too short the box starts at 0 and reaches past its end.
     */
    Box widenedTo(int[] window, int[] volume) {
        int[] lower = low.clone();
        int[] higher = high.clone();
        for (int axis = 0; axis < 3; axis++) {
            int need = window[axis] - size(axis);
            if (need <= 0) {
                continue;
            }
            int lastStart = Math.max(0, volume[axis] - window[axis]);
            lower[axis] = Math.max(0, Math.min(low[axis] - need / 2, lastStart));
            higher[axis] = lower[axis] + window[axis];
        }
        return new Box(lower, higher);
    }

    /** The part of the box that lies in the volume. */
    Box within(int[] volume) {
        int[] higher = new int[3];
        for (int axis = 0; axis < 3; axis++) {
            higher[axis] = Math.min(high[axis], volume[axis]);
        }
        return new Box(low, higher);
    }
}
