package io.cloe.worker.volume;

import java.util.Arrays;

/** Finds the voxels of a slice as people look at it, whatever order they are stored in. Immutable. */
public final class SliceView {

    private static final Orientation LPS = Orientation.parse("LPS");

    private final VoxelOrder order;
    private final double[] spacingMm;

    /** Of volumes on this grid, which must have no more voxels than an array can hold. */
    public SliceView(Grid grid) {
        order = VoxelOrder.of(grid, LPS);
        double[] stored = grid.spacingMm();
        spacingMm = Arrays.stream(order.storageAxes())
                .mapToDouble(axis -> stored[axis])
                .toArray();
    }

    /** Voxels to the patient's left, to the back, to the top. */
    public int[] dims() {
        return order.dims().clone();
    }

    /** Edges of a voxel along the same axes, mm. */
    public double[] spacingMm() {
        return spacingMm.clone();
    }

    /** How many slices there are. */
    public int slices(SlicePlane plane) {
        return order.dims()[plane.through()];
    }

    /** Pixels from left to right. */
    public int width(SlicePlane plane) {
        return order.dims()[plane.across()];
    }

    /** Pixels from top to bottom. */
    public int height(SlicePlane plane) {
        return order.dims()[plane.down()];
    }

    /**
     * Where each pixel lies in an array in storage order.
     *
     * @param slice from 0, to the patient's left, to the back or to the top
     * @return array indices, row by row from the top left
     * @throws IndexOutOfBoundsException if there is no such slice
     */
    public int[] indices(SlicePlane plane, int slice) {
        java.util.Objects.checkIndex(slice, slices(plane));
        int width = width(plane);
        int height = height(plane);
        int[] indices = new int[width * height];
        int[] at = new int[3];
        at[plane.through()] = slice;
        for (int row = 0; row < height; row++) {
            at[plane.down()] = plane.upsideDown() ? height - 1 - row : row;
            for (int column = 0; column < width; column++) {
                at[plane.across()] = column;
                indices[row * width + column] = order.index(at[0], at[1], at[2]);
            }
        }
        return indices;
    }
}
