package io.cloe.worker.bundle;

import java.util.List;

/**
 * The graph that serves one subset of the modalities.
 *
 * @param modalities the subset, in bundle order: the channels of the graph's input
 * @param file name of the graph, relative to the bundle
 * @param gate where the weights come from
 */
public record SubsetGraph(List<String> modalities, String file, Gate gate) {
    public SubsetGraph {
        modalities = List.copyOf(modalities);
    }
}
