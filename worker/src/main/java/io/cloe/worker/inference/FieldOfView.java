package io.cloe.worker.inference;

/**
 * The volume that a crop was cut from, in the crop's voxel coordinates: the first voxel of the volume along each axis, 0 or negative, and
 * the voxel behind its last, which is less than the crop's size where the crop was padded.
 */
public record FieldOfView(int depthFrom, int depthTo, int heightFrom, int heightTo, int widthFrom, int widthTo) {

    /** The field of view of a crop that is the whole volume. */
    public static FieldOfView wholeCrop(int depth, int height, int width) {
        return new FieldOfView(0, depth, 0, height, 0, width);
    }

    boolean isEdge(int z, int y, int x) {
        return z == depthFrom
                || z == depthTo - 1
                || y == heightFrom
                || y == heightTo - 1
                || x == widthFrom
                || x == widthTo - 1;
    }
}
