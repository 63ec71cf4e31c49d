package io.cloe.worker.volume;

/**
 * A volume seen in another orientation without being moved: where voxel (x, y, z) of the wanted orientation lies in an
 * array in storage order.
 *
 * @param dims voxels along the wanted x, y, z
 * @param storageAxes storage axis that each wanted axis runs along
 * @param flipped whether the wanted axis runs against its storage axis
 * @param first array index of voxel (0, 0, 0)
 * @param strides distance in the array from one voxel to the next along the wanted x, y, z; negative where flipped
 */
record VoxelOrder(int[] dims, int[] storageAxes, boolean[] flipped, int first, int[] strides) {

    /** The grid must have no more voxels than an array can hold. */
    static VoxelOrder of(Grid grid, Orientation wanted) {
        Orientation stored = grid.nearestOrientation();
        int[] storedDims = grid.dims();
        int[] storedStrides = {1, storedDims[0], Math.multiplyExact(storedDims[0], storedDims[1])};
        int[] dims = new int[3];
        int[] storageAxes = new int[3];
        boolean[] flipped = new boolean[3];
        int[] strides = new int[3];
        int first = 0;
        for (int axis = 0; axis < 3; axis++) {
            int storageAxis = stored.storageAxisAlong(wanted.worldAxes()[axis]);
            storageAxes[axis] = storageAxis;
            dims[axis] = storedDims[storageAxis];
            flipped[axis] = stored.ascending()[storageAxis] != wanted.ascending()[axis];
            strides[axis] = flipped[axis] ? -storedStrides[storageAxis] : storedStrides[storageAxis];
            if (flipped[axis]) {
                first += (dims[axis] - 1) * storedStrides[storageAxis];
            }
        }
        return new VoxelOrder(dims, storageAxes, flipped, first, strides);
    }

    int index(int x, int y, int z) {
        return first + x * strides[0] + y * strides[1] + z * strides[2];
    }

    /** A box in storage axes, seen along the wanted ones. */
    Box view(Box stored) {
        int[] low = new int[3];
        int[] high = new int[3];
        for (int axis = 0; axis < 3; axis++) {
            int from = stored.low()[storageAxes[axis]];
            int to = stored.high()[storageAxes[axis]];
            low[axis] = flipped[axis] ? dims[axis] - to : from;
            high[axis] = flipped[axis] ? dims[axis] - from : to;
        }
        return new Box(low, high);
    }
}
