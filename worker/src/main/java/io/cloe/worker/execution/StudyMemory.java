package io.cloe.worker.execution;

import java.util.function.ToLongFunction;

/**
 * Heap that a study takes at most, stage by stage, in bytes; known from its volumes' size before they are read.
 *
 * @param reading its volumes and the crops made of them
 * @param inferring the crops, the labels and the sums of overlapping windows
 * @param writing the labels, the mask file, and the mask that it supersedes
 */
record StudyMemory(long reading, long inferring, long writing) {

    /**
     * Plans a study.
     *
     * @param voxels of one volume
     * @param crop voxels of the crop along depth, height, width
     * @param volumes how many there are
     * @param engine what the engine needs for such a crop
     * @param supersedes whether there is an older mask to compare with
     */
    static StudyMemory of(long voxels, int[] crop, int volumes, ToLongFunction<int[]> engine, boolean supersedes) {
        long cropVoxels = (long) crop[0] * crop[1] * crop[2];
        long crops = volumes * cropVoxels * Float.BYTES + cropVoxels / Byte.SIZE;
        long labels = 2 * voxels + cropVoxels; // the mask file is compressed, but nobody knows how well
        long former = supersedes ? voxels * (Float.BYTES + 2) : 0;
        return new StudyMemory(
                volumes * voxels * Float.BYTES + crops, crops + engine.applyAsLong(crop), labels + former);
    }

    long most() {
        return Math.max(reading, onceRead());
    }

    long onceRead() {
        return Math.max(inferring, writing);
    }
}
