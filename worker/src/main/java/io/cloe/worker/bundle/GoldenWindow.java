package io.cloe.worker.bundle;

import java.util.List;

/**
 * A fixed window and what the exporter's own run of it answered.
 *
 * @param modalities the subset to run: all modalities of the bundle
 * @param samples some voxels with their expected probabilities; at least one
 * @param weights expected weight of each modality; empty for a model without a gate
 * @param globalConsistency expected score u of each modality; empty where the subset's gate is fixed
 * @param regionalConsistency expected score v of each modality; empty where the subset's gate is fixed
 * @param tolerance largest difference that any number may have
 */
public record GoldenWindow(
        List<String> modalities,
        List<Sample> samples,
        List<Double> weights,
        List<Double> globalConsistency,
        List<Double> regionalConsistency,
        double tolerance) {

    public GoldenWindow {
        modalities = List.copyOf(modalities);
        samples = List.copyOf(samples);
        weights = List.copyOf(weights);
        globalConsistency = List.copyOf(globalConsistency);
        regionalConsistency = List.copyOf(regionalConsistency);
    }

    /**
     * One voxel of the golden window.
     *
     * @param z plane, from 0
     * @param y row, from 0
     * @param x column, from 0
     * @param probabilities expected probability of each class
     */
    public record Sample(int z, int y, int x, List<Double> probabilities) {
        public Sample {
            probabilities = List.copyOf(probabilities);
        }
    }

    /**
     * The golden input at one voxel.
     *
     * @param channel modality's place in bundle order, from 0
     */
    public static float input(int channel, int z, int y, int x) {
        return (float) Math.sin(0.37 * (channel + 1) + 0.11 * z + 0.07 * y + 0.05 * x);
    }
}
