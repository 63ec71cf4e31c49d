package io.cloe.worker.inference;

import io.cloe.worker.bundle.ModelBundle;
import java.util.Arrays;
import java.util.List;

/**
 * What the network says of a crop.
 *
 * @param classIndices class of each voxel, x fastest, as the crop; unsigned bytes; 0, the background, outside the brain. Not copied: the
 *     receiver owns it
 * @param trust one entry per modality used, in bundle order; empty for a model that weighs no modalities
 * @param gateActed whether the network chose the weights itself; false for one or two modalities, where they follow from symmetry, and for
 *     a model without weights
 * @param tiling how the crop was cut
 * @param windows windows run
 * @param sessionNanos time inside ONNX Runtime alone, in nanoseconds
 */
public record CropSegmentation(
        byte[] classIndices,
        List<ModalityTrust> trust,
        boolean gateActed,
        Tiling tiling,
        int windows,
        long sessionNanos) {

    /** How a crop was cut for the network. */
    public enum Tiling {
        /** Overlapping windows of the bundle's shape. */
        WINDOWS,
        /** Not at all. */
        WHOLE_CROP,
        /** Overlapping windows smaller than the bundle's, for the device had no memory for those. */
        SMALL_WINDOWS,
        /** Overlapping windows of the bundle's shape, for a crop that the model would take at once were there room for it. */
        WINDOWS_FOR_WANT_OF_ROOM
    }

    public CropSegmentation {
        trust = List.copyOf(trust);
    }

    /** Voxels of each class by its index; sums to the voxels of the crop. */
    public long[] voxelsPerClass(ModelBundle bundle) {
        long[] counts = new long[256];
        for (byte index : classIndices) {
            counts[index & 0xff]++;
        }
        return Arrays.copyOf(counts, bundle.classes().size());
    }

    /** The mask's values, in the bundle's coding: a new array as long as {@link #classIndices}. */
    public byte[] maskLabels(ModelBundle bundle) {
        int[] labels = bundle.labels();
        byte[] mask = new byte[classIndices.length];
        for (int i = 0; i < mask.length; i++) {
            mask[i] = (byte) labels[classIndices[i] & 0xff];
        }
        return mask;
    }
}
