package io.cloe.worker.inference;

import io.cloe.worker.bundle.GraphUse;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.bundle.SubsetGraph;
import io.cloe.worker.bundle.WindowShape;
import io.cloe.worker.inference.CropSegmentation.Tiling;
import io.cloe.worker.inference.DeviceReport.WholeCrop;
import io.cloe.worker.volume.NormalisedCrop;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** Brains that are segmented at once: the first subset of every size, by its largest graph, on a device and on the CPU. */
final class WholeCropCheck {

    /** Runs per measured time are no more than this: one takes as long as many windows. */
    private static final int MOST_RUNS = 5;

    private final ModelBundle bundle;
    private final int runs;
    private final Function<SubsetGraph, NormalisedCrop> crops;

    /** @param crops a crop that fills a graph */
    WholeCropCheck(ModelBundle bundle, int runs, Function<SubsetGraph, NormalisedCrop> crops) {
        this.bundle = bundle;
        this.runs = Math.min(runs, MOST_RUNS);
        this.crops = crops;
    }

    /** The graphs to check; empty where the bundle has none for more than one window. */
    List<SubsetGraph> graphs() {
        List<SubsetGraph> chosen = new ArrayList<>();
        for (SubsetGraph usual : bundle.graphs()) {
            boolean firstOfItsSize = chosen.stream()
                    .noneMatch(
                            one -> one.modalities().size() == usual.modalities().size());
            if (firstOfItsSize) {
                largest(usual).ifPresent(chosen::add);
            }
        }
        return chosen;
    }

    private Optional<SubsetGraph> largest(SubsetGraph usual) {
        return bundle.extraGraphs(GraphUse.WHOLE_CROP, usual.modalities()).stream()
                .filter(graph -> !graph.window().equals(bundle.window()))
                .reduce((smaller, larger) ->
                        larger.window().voxels() > smaller.window().voxels() ? larger : smaller);
    }

    /**
     * Runs a graph of {@link #graphs()}.
     *
     * @param cpu what to compare with
     * @return empty where one of the two has too little memory for it
     */
    Optional<WholeCrop> check(SubsetGraph graph, InferenceEngine device, InferenceEngine cpu) throws EngineException {
        NormalisedCrop crop = crops.apply(graph);
        CropSegmentation expected = cpu.infer(crop, new InferenceControl());
        CropSegmentation found = device.infer(crop, new InferenceControl());
        if (expected.tiling() != Tiling.WHOLE_CROP || found.tiling() != Tiling.WHOLE_CROP) {
            return Optional.empty();
        }
        double[] ms = new double[runs];
        for (int run = 0; run < runs; run++) {
            long start = System.nanoTime();
            device.infer(crop, new InferenceControl());
            ms[run] = (System.nanoTime() - start) / 1e6;
        }
        Arrays.sort(ms);
        WindowShape shape = graph.window();
        return Optional.of(new WholeCrop(
                graph.modalities(),
                List.of(shape.depth(), shape.height(), shape.width()),
                ms[runs / 2],
                farthestScore(found, expected),
                equalLabels(found, expected)));
    }

    private static double equalLabels(CropSegmentation found, CropSegmentation expected) {
        byte[] ours = found.classIndices();
        byte[] theirs = expected.classIndices();
        int equal = 0;
        for (int voxel = 0; voxel < ours.length; voxel++) {
            equal += ours[voxel] == theirs[voxel] ? 1 : 0;
        }
        return (double) equal / ours.length;
    }

    private static double farthestScore(CropSegmentation found, CropSegmentation expected) {
        double farthest = 0;
        for (int modality = 0; modality < found.trust().size(); modality++) {
            double[] ours = scores(found.trust().get(modality));
            double[] theirs = scores(expected.trust().get(modality));
            for (int score = 0; score < ours.length; score++) {
                // Not a number stays one.
                farthest = Math.max(farthest, Math.abs(ours[score] - theirs[score]));
            }
        }
        return farthest;
    }

    private static double[] scores(ModalityTrust trust) {
        return new double[] {
            trust.weight().mean(),
            trust.globalConsistency().map(Estimate::mean).orElse(0.0),
            trust.regionalConsistency().map(Estimate::mean).orElse(0.0)
        };
    }
}
