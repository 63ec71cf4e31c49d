package io.cloe.worker.volume;

import java.util.Objects;

/**
 * A study ready for the network, with the way back from the crop to the files' own voxels. Immutable but for the arrays
 * of the crop, which are shared.
 */
public final class PreparedStudy {
    private final NormalisedCrop crop;
    private final Grid grid;
    private final VoxelOrder order;
    private final Box box;

    PreparedStudy(NormalisedCrop crop, Grid grid, VoxelOrder order, Box box) {
        this.crop = Objects.requireNonNull(crop);
        this.grid = Objects.requireNonNull(grid);
        this.order = order;
        this.box = box;
    }

    /** What the network sees. */
    public NormalisedCrop crop() {
        return crop;
    }

    /** Grid of the study's files, and so of the mask. */
    public Grid grid() {
        return grid;
    }

    /** First voxel of the crop along x, y and z of the model's orientation, counted in the volume's voxels. */
    public int[] cropOrigin() {
        return box.low().clone();
    }

    /** Voxels of the volume along x, y and z of the model's orientation. */
    public int[] volumeSize() {
        return order.dims().clone();
    }

    /**
     * Puts labels back into the files' grid and voxel order; 0 outside the crop.
     *
     * @param cropLabels one label per voxel of the crop, x fastest, then y, then z
     * @return a new array, one label per voxel of {@link #grid()}, storage order, i fastest
     * @throws IllegalArgumentException if there is not one label per voxel of the crop
     */
    public byte[] restore(byte[] cropLabels) {
        if (cropLabels.length != crop.voxels()) {
            throw new IllegalArgumentException(
                    "the crop has " + crop.voxels() + " voxels, there are " + cropLabels.length + " labels");
        }
        byte[] labels = new byte[(int) grid.voxels()];
        Box inside = box.within(order.dims());
        int width = inside.size(0);
        int stride = order.strides()[0];
        for (int z = 0; z < inside.size(2); z++) {
            for (int y = 0; y < inside.size(1); y++) {
                int from = (z * box.size(1) + y) * box.size(0);
                int to = order.index(inside.low()[0], inside.low()[1] + y, inside.low()[2] + z);
                for (int x = 0; x < width; x++) {
                    labels[to + x * stride] = cropLabels[from + x];
                }
            }
        }
        return labels;
    }
}
