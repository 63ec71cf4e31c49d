package io.cloe.worker.volume;

import java.util.BitSet;
import java.util.List;

/**
 * What the network sees of a study: the brain's box of every modality used, normalised, in the model's orientation.
 *
 * <p>Voxels lie x fastest, then y, then z, so that a channel is the network's {@code [z, y, x]} tensor as it stands.
 *
 * @param modalities names of the channels, in bundle order
 * @param depth voxels along z; at least the model's window
 * @param height voxels along y; at least the model's window
 * @param width voxels along x; at least the model's window
 * @param channels one array of {@code depth * height * width} z-scores per modality; 0 outside the brain
 * @param brain voxels of the crop that belong to the brain
 */
public record NormalisedCrop(
        List<String> modalities, int depth, int height, int width, float[][] channels, BitSet brain) {

    /** Voxels per channel. */
    public int voxels() {
        return depth * height * width;
    }
}
