package io.cloe.worker.volume;

import java.util.Arrays;

/**
 * A volume as 256 grey levels, for people to look at.
 *
 * @param grid where the voxels lie
 * @param levels one unsigned level per voxel, storage order
 */
public record GrayImage(Grid grid, byte[] levels) {

    /** The few brightest voxels, fat or an artefact, would make all others dark. */
    private static final double BRIGHTEST_PART = 0.005;

    private static final int BINS = 1 << 12;

    /** Spreads a volume's intensities over the levels: 0 stays black, the brightest half per cent of the rest is white. */
    public static GrayImage of(Volume volume) {
        float[] voxels = volume.voxels();
        float low = 0;
        float high = 0;
        for (float voxel : voxels) {
            low = Math.min(low, voxel);
            high = Math.max(high, voxel);
        }
        double white = white(voxels, low, high);
        double scale = white > low ? 255 / (white - low) : 0;
        byte[] levels = new byte[voxels.length];
        for (int i = 0; i < voxels.length; i++) {
            levels[i] = (byte) Math.max(0, Math.min(255, Math.round((voxels[i] - low) * scale)));
        }
        return new GrayImage(volume.grid(), levels);
    }

    private static double white(float[] voxels, float low, float high) {
        int[] counts = new int[BINS];
        double binsPerUnit = (BINS - 1) / Math.max(Float.MIN_NORMAL, (double) high - low);
        for (float voxel : voxels) {
            if (voxel != 0) {
                counts[(int) ((voxel - low) * binsPerUnit)]++;
            }
        }
        long left =
                (long) (BRIGHTEST_PART * Arrays.stream(counts).asLongStream().sum());
        int bin = BINS - 1;
        while (bin > 0 && left >= counts[bin]) {
            left -= counts[bin--];
        }
        return low + (bin + 1) / binsPerUnit;
    }

    /** As a gzip NIfTI-1 file with nothing of the original's header but its geometry. */
    public byte[] toNifti() {
        return NiftiMaskWriter.image(levels, grid);
    }
}
