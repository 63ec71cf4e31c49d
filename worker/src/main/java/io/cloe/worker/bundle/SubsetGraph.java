package io.cloe.worker.bundle;

import java.util.List;

/**
 * A graph that serves one subset of the modalities.
 *
 * @param modalities the subset, in bundle order: the channels of the graph's input
 * @param file name of the graph, relative to the bundle
 * @param gate where the weights come from
 * @param fixedWeights weight of each modality where the gate is {@code FIXED}: 1/k, unless the model prefers some; else empty
 * @param use what the graph is there for
 * @param window spatial shape of its input
 * @param activationBytes the most that its intermediate tensors take at a time, as the bundle states it; 0 where it does not
 */
public record SubsetGraph(
        List<String> modalities,
        String file,
        Gate gate,
        List<Double> fixedWeights,
        GraphUse use,
        WindowShape window,
        long activationBytes) {
    public SubsetGraph {
        fixedWeights = List.copyOf(fixedWeights);
        modalities = List.copyOf(modalities);
    }

    /** Whether a crop of this size fits into the graph's input and fills at least half of it: padding moves the network's statistics. */
    public boolean suits(int depth, int height, int width) {
        return holds(depth, height, width) && 2L * depth * height * width >= window.voxels();
    }

    /** Whether a crop of this size fits into the graph's input. */
    public boolean holds(int depth, int height, int width) {
        return depth <= window.depth() && height <= window.height() && width <= window.width();
    }
}
