package io.cloe.worker.inference;

import io.cloe.worker.volume.NormalisedCrop;
import java.util.BitSet;
import java.util.List;
import java.util.Random;

/** Crops of noise that look, to the engine, like what the preprocessor makes. */
public final class Crops {

    private Crops() {}

    /** Smooth noise in a brain that covers most of the crop; 0 outside it. */
    public static NormalisedCrop random(List<String> modalities, int depth, int height, int width, long seed) {
        Random random = new Random(seed);
        int voxels = depth * height * width;
        BitSet brain = new BitSet(voxels);
        for (int i = 0; i < voxels; i++) {
            if (random.nextInt(10) > 0) {
                brain.set(i);
            }
        }
        float[][] channels = new float[modalities.size()][voxels];
        for (float[] channel : channels) {
            double phase = random.nextDouble() * 6;
            for (int i = 0; i < voxels; i++) {
                if (brain.get(i)) {
                    channel[i] = (float) (1.5 * Math.sin(phase + i * 0.013) + random.nextGaussian());
                }
            }
        }
        return new NormalisedCrop(modalities, depth, height, width, channels, brain);
    }
}
