package io.cloe.worker.bundle;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * A model bundle whose manifest and files have been checked against the contract. Made by {@link BundleReader}. Immutable; any thread.
 *
 * @param identity which model this is
 * @param notForClinicalUse whether every result must carry the flag of a demonstration model
 * @param modalities all that the model knows, in bundle order, which is the order of every graph's channels
 * @param orientation storage order the model was trained on, such as {@code LPS}: the first letter is where voxel x grows to
 * @param window spatial shape of every graph
 * @param overlap fraction of a window shared with its neighbour, in [0, 1)
 * @param spacing voxel sizes seen in training
 * @param clip z-scores are clipped to {@code [-clip, clip]}
 * @param classes by channel index; index 0 is the background with label 0
 * @param labelScheme name of the mask's coding
 * @param regions names of the unions of classes that results report, with their classes, in the manifest's order
 * @param graphs one per non-empty subset of the modalities
 * @param extraGraphs graphs that are there on request, for other uses than {@link GraphUse#WINDOW}; may be empty
 * @param golden a fixed window with its expected answer
 * @param files every file but the manifest
 */
public record ModelBundle(
        ModelIdentity identity,
        boolean notForClinicalUse,
        List<String> modalities,
        String orientation,
        WindowShape window,
        double overlap,
        SpacingRange spacing,
        float clip,
        List<ClassLabel> classes,
        String labelScheme,
        Map<String, List<String>> regions,
        List<SubsetGraph> graphs,
        List<SubsetGraph> extraGraphs,
        GoldenWindow golden,
        BundleFiles files) {

    public ModelBundle {
        modalities = List.copyOf(modalities);
        classes = List.copyOf(classes);
        Map<String, List<String>> copy = new LinkedHashMap<>();
        regions.forEach((name, members) -> copy.put(name, List.copyOf(members)));
        regions = Collections.unmodifiableMap(copy);
        graphs = List.copyOf(graphs);
        extraGraphs = List.copyOf(extraGraphs);
    }

    /** The graph of exactly these modalities, in whatever order; empty if one is unknown, or none is given. */
    public Optional<SubsetGraph> graph(Collection<String> subset) {
        List<String> ordered = inBundleOrder(subset);
        if (ordered.size() != subset.size()) {
            return Optional.empty();
        }
        return graphs.stream()
                .filter(graph -> graph.modalities().equals(ordered))
                .findFirst();
    }

    /** Graphs of exactly these modalities for one use, the smallest window first. */
    public List<SubsetGraph> extraGraphs(GraphUse use, List<String> subset) {
        return extraGraphs.stream()
                .filter(graph -> graph.use() == use && graph.modalities().equals(subset))
                .sorted(Comparator.comparingInt(graph -> graph.window().voxels()))
                .toList();
    }

    /** Whether there is a graph for this use at all. */
    public boolean hasGraphsFor(GraphUse use) {
        return extraGraphs.stream().anyMatch(graph -> graph.use() == use);
    }

    /** Those of the given modalities that the model knows, in bundle order. */
    public List<String> inBundleOrder(Collection<String> subset) {
        List<String> ordered = new ArrayList<>(modalities);
        ordered.retainAll(subset);
        return List.copyOf(ordered);
    }

    /** The mask's coding with what each value means, such as {@code brats-2023: NCR 1, ED 2, ET 3}: all that a reader needs. */
    public String describedLabelScheme() {
        return labelScheme
                + classes.stream()
                        .filter(known -> known.label() != 0)
                        .map(known -> known.name() + " " + known.label())
                        .collect(Collectors.joining(", ", ": ", ""));
    }

    /**
     * Mask values by class index: {@code labels()[index]}, each 0..255. A new array per call.
     */
    public int[] labels() {
        return classes.stream().mapToInt(ClassLabel::label).toArray();
    }
}
