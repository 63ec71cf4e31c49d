package io.cloe.worker.inference;

import io.cloe.worker.bundle.Gate;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.bundle.SubsetGraph;
import io.cloe.worker.bundle.WindowShape;
import io.cloe.worker.volume.NormalisedCrop;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;

/**
 * The memory that every session of an engine reads its window from and writes its answer to: allocated once, off the heap, so that
 * nothing is copied on the way. Only one window is in flight at a time.
 */
final class WindowBuffers {

    private final WindowShape window;
    private final int classes;
    private final FloatBuffer volumes;
    private final FloatBuffer probabilities;
    private final FloatBuffer weights;
    private final FloatBuffer globalConsistency;
    private final FloatBuffer regionalConsistency;

    WindowBuffers(ModelBundle bundle) {
        window = bundle.window();
        classes = bundle.classes().size();
        int modalities = bundle.modalities().size();
        volumes = direct(modalities * window.voxels());
        probabilities = direct(classes * window.voxels());
        weights = direct(modalities);
        globalConsistency = direct(modalities);
        regionalConsistency = direct(modalities);
    }

    /** The input of a subset of {@code modalities} modalities: the front of one shared buffer. */
    FloatBuffer volumes(int modalities) {
        return volumes.slice(0, modalities * window.voxels());
    }

    FloatBuffer probabilities() {
        return probabilities.slice();
    }

    FloatBuffer weights(int modalities) {
        return weights.slice(0, modalities);
    }

    FloatBuffer globalConsistency(int modalities) {
        return globalConsistency.slice(0, modalities);
    }

    FloatBuffer regionalConsistency(int modalities) {
        return regionalConsistency.slice(0, modalities);
    }

    /** A copy of the probabilities. */
    float[] allProbabilities() {
        return copy(probabilities, probabilities.capacity());
    }

    /** A copy of weights and consistencies; empty where the graph computes none. */
    float[] allScores(SubsetGraph graph) {
        int modalities = graph.gate() == Gate.COMPUTED ? graph.modalities().size() : 0;
        float[] scores = new float[3 * modalities];
        weights.get(0, scores, 0, modalities);
        globalConsistency.get(0, scores, modalities, modalities);
        regionalConsistency.get(0, scores, 2 * modalities, modalities);
        return scores;
    }

    private static float[] copy(FloatBuffer buffer, int length) {
        float[] copy = new float[length];
        buffer.get(0, copy);
        return copy;
    }

    /** Copies one window of the crop to the input. */
    void load(NormalisedCrop crop, int depthStart, int heightStart, int widthStart) {
        int target = 0;
        for (float[] channel : crop.channels()) {
            for (int z = 0; z < window.depth(); z++) {
                for (int y = 0; y < window.height(); y++) {
                    int source = ((depthStart + z) * crop.height() + heightStart + y) * crop.width() + widthStart;
                    volumes.put(target, channel, source, window.width());
                    target += window.width();
                }
            }
        }
    }

    /** Sum over all voxels of 1 - p(background); not a number if any probability is not. */
    double foregroundMass(float[] row) {
        double mass = 0;
        for (int start = 0; start < window.voxels(); start += row.length) {
            probabilities.get(start, row);
            for (float background : row) {
                mass += 1.0 - background;
            }
        }
        return mass;
    }

    /** Makes ONNX Runtime's answer of the former window unreadable, so that an output that is not written cannot pass as one. */
    void spoil() {
        for (FloatBuffer scores : new FloatBuffer[] {weights, globalConsistency, regionalConsistency}) {
            for (int i = 0; i < scores.capacity(); i++) {
                scores.put(i, Float.NaN);
            }
        }
        probabilities.put(0, Float.NaN);
    }

    private static FloatBuffer direct(int floats) {
        return ByteBuffer.allocateDirect(Math.multiplyExact(floats, Float.BYTES))
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer();
    }
}
