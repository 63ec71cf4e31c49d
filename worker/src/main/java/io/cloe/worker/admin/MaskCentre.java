package io.cloe.worker.admin;

import io.cloe.worker.volume.SlicePlane;
import io.cloe.worker.volume.SliceView;

/** Finds where to look first. */
final class MaskCentre {

    private MaskCentre() {}

    /**
     * The slices of each axis that hold most of what was found; the middle of the volume when nothing was. Not the centre of gravity,
     * which for two lesions lies between them.
     *
     * @return to the patient's left, to the back, to the top
     */
    static int[] of(byte[] labels, SliceView view) {
        int[] dims = view.dims();
        long[] left = new long[dims[0]];
        long[] back = new long[dims[1]];
        long[] top = new long[dims[2]];
        int width = view.width(SlicePlane.AXIAL);
        for (int z = 0; z < dims[2]; z++) {
            int[] indices = view.indices(SlicePlane.AXIAL, z);
            for (int i = 0; i < indices.length; i++) {
                if (labels[indices[i]] != 0) {
                    left[i % width]++;
                    back[i / width]++;
                    top[z]++;
                }
            }
        }
        return new int[] {fullest(left), fullest(back), fullest(top)};
    }

    private static int fullest(long[] counts) {
        int best = counts.length / 2;
        for (int i = 0; i < counts.length; i++) {
            if (counts[i] > counts[best]) {
                best = i;
            }
        }
        return best;
    }
}
