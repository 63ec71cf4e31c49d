package io.cloe.worker.inference;

import io.cloe.worker.bundle.WindowShape;
import io.cloe.worker.volume.NormalisedCrop;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.BitSet;

/**
 * Sums the probabilities of overlapping windows and takes the most probable class.
 *
 * <p>Windows come with z outermost, so planes below the current window's first one are complete: only a slab of one window's depth is
 * kept, {@code 4 * classes * windowDepth * height * width} bytes, however deep the crop is.
 */
final class SlabBlender {

    private final NormalisedCrop crop;
    private final WindowShape window;
    private final byte[] labels;
    private final float[][] sums;
    private final float[] row;
    private int firstPlane;

    SlabBlender(NormalisedCrop crop, WindowShape window, int classes, byte[] labels) {
        this.crop = crop;
        this.window = window;
        this.labels = labels;
        this.sums = new float[classes][window.depth() * planeVoxels()];
        this.row = new float[window.width()];
    }

    /** Bytes of the slab that is kept of a crop as high and wide as this. */
    static long bytesNeeded(WindowShape window, int height, int width, int classes) {
        return (long) Float.BYTES * classes * window.depth() * height * width;
    }

    /**
     * Adds a window's probabilities, after labelling all planes that no later window reaches.
     *
     * @param depthStart not below that of the window before
     */
    void add(FloatBuffer probabilities, int depthStart, int heightStart, int widthStart) {
        labelPlanesBelow(depthStart);
        int source = 0;
        for (float[] sum : sums) {
            for (int z = 0; z < window.depth(); z++) {
                for (int y = 0; y < window.height(); y++) {
                    probabilities.get(source, row);
                    source += row.length;
                    int target = (z * crop.height() + heightStart + y) * crop.width() + widthStart;
                    for (int x = 0; x < row.length; x++) {
                        sum[target + x] += row[x];
                    }
                }
            }
        }
    }

    /** Labels what is left. */
    void finish() {
        labelPlanesBelow(crop.depth());
    }

    private void labelPlanesBelow(int plane) {
        int planes = Math.min(plane - firstPlane, window.depth());
        if (planes <= 0) {
            return;
        }
        int offset = firstPlane * planeVoxels();
        int end = offset + planes * planeVoxels();
        BitSet brain = crop.brain();
        for (int voxel = brain.nextSetBit(offset); voxel >= 0 && voxel < end; voxel = brain.nextSetBit(voxel + 1)) {
            labels[voxel] = mostProbable(voxel - offset);
        }
        int done = planes * planeVoxels();
        for (float[] sum : sums) {
            System.arraycopy(sum, done, sum, 0, sum.length - done);
            Arrays.fill(sum, sum.length - done, sum.length, 0);
        }
        firstPlane = plane;
    }

    /** The lowest index wins ties. */
    private byte mostProbable(int index) {
        int best = 0;
        for (int c = 1; c < sums.length; c++) {
            if (sums[c][index] > sums[best][index]) {
                best = c;
            }
        }
        return (byte) best;
    }

    private int planeVoxels() {
        return crop.height() * crop.width();
    }

    /** For a crop of exactly one window: nothing to sum, so nothing is copied. */
    static void labelSingleWindow(FloatBuffer probabilities, int classes, NormalisedCrop crop, byte[] labels) {
        BitSet brain = crop.brain();
        for (int voxel = brain.nextSetBit(0); voxel >= 0; voxel = brain.nextSetBit(voxel + 1)) {
            int best = 0;
            for (int c = 1; c < classes; c++) {
                if (probabilities.get(c * labels.length + voxel) > probabilities.get(best * labels.length + voxel)) {
                    best = c;
                }
            }
            labels[voxel] = (byte) best;
        }
    }
}
