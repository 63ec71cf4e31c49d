package io.cloe.worker.inference;

import io.cloe.worker.bundle.Gate;
import io.cloe.worker.bundle.GraphUse;
import io.cloe.worker.bundle.SubsetGraph;
import io.cloe.worker.bundle.WindowShape;
import io.cloe.worker.inference.CropSegmentation.Tiling;
import io.cloe.worker.inference.EngineException.Kind;
import io.cloe.worker.volume.NormalisedCrop;

/** Gathers what a graph answers to the windows of one crop, or to the whole of it, and makes its segmentation of that. */
final class CropAnswer {

    private final NormalisedCrop crop;
    private final SubsetGraph graph;
    private final int classes;
    private final byte[] labels;

    /** Null where nothing overlaps. */
    private final SlabBlender blender;

    private final GateScores scores;
    private final float[] row;
    private int windows;
    private long nanos;

    CropAnswer(NormalisedCrop crop, SubsetGraph graph, int classes) {
        WindowShape window = graph.window();
        this.crop = crop;
        this.graph = graph;
        this.classes = classes;
        this.labels = new byte[crop.voxels()];
        boolean atOnce = graph.use() == GraphUse.WHOLE_CROP
                || ServableCrops.isExactly(window, crop.depth(), crop.height(), crop.width());
        this.blender = atOnce ? null : new SlabBlender(crop, window, classes, labels);
        this.scores = new GateScores(graph.modalities().size());
        this.row = new float[window.width()];
    }

    /**
     * Takes the answer that lies in the buffers; windows come with z outermost.
     *
     * @param sessionNanos how long it took inside ONNX Runtime
     * @throws EngineException of kind {@code ENGINE_ERROR} if it contains what is not a number
     */
    void add(WindowBuffers memory, int depthStart, int heightStart, int widthStart, long sessionNanos)
            throws EngineException {
        windows++;
        nanos += sessionNanos;
        boolean labelled = graph.use() == GraphUse.WHOLE_CROP;
        addScores(memory, labelled ? memory.foreground().get(0) : memory.foregroundMass(row));
        if (labelled) {
            memory.copyLabels(crop, labels);
        } else if (blender == null) {
            SlabBlender.labelSingleWindow(memory.probabilities(), classes, crop, labels);
        } else {
            blender.add(memory.probabilities(), depthStart, heightStart, widthStart);
        }
    }

    private void addScores(WindowBuffers memory, double foreground) throws EngineException {
        if (!Double.isFinite(foreground)) {
            throw new EngineException(Kind.ENGINE_ERROR, "the network answered probabilities that are not numbers");
        }
        if (graph.gate() == Gate.COMPUTED) {
            int modalities = graph.modalities().size();
            scores.add(
                    foreground,
                    memory.weights(modalities),
                    memory.globalConsistency(modalities),
                    memory.regionalConsistency(modalities));
        }
    }

    /** After the last window. */
    CropSegmentation segmentation(Tiling tiling) {
        if (blender != null) {
            blender.finish();
        }
        boolean gateActed = graph.gate() == Gate.COMPUTED && graph.use() != GraphUse.CONSISTENCY;
        return new CropSegmentation(labels, scores.trust(graph), gateActed, tiling, windows, nanos);
    }
}
