package io.cloe.worker.bundle;

/**
 * Spatial shape of a graph's input, in voxels.
 *
 * @param depth voxels along z, a positive multiple of 8
 * @param height voxels along y, a positive multiple of 8
 * @param width voxels along x, a positive multiple of 8
 */
public record WindowShape(int depth, int height, int width) {

    /** Voxels of one window and one channel. */
    public int voxels() {
        return depth * height * width;
    }
}
