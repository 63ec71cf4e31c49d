package io.cloe.worker.inference;

import io.cloe.worker.bundle.Gate;
import io.cloe.worker.bundle.GraphUse;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.bundle.SubsetGraph;
import io.cloe.worker.bundle.WindowShape;
import io.cloe.worker.volume.NormalisedCrop;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;

/**
 * The memory that the sessions of an engine read their input from and write their answer to, off the heap, so that nothing is copied
 * on the way. Shared by all graphs of one {@link Shape}; only one window is in flight at a time.
 */
final class WindowBuffers {

    /** What graphs have in common that can use the same memory. */
    record Shape(WindowShape window, boolean labels) {

        static Shape of(SubsetGraph graph) {
            return new Shape(graph.window(), graph.use() == GraphUse.WHOLE_CROP);
        }
    }

    private final WindowShape window;
    private final FloatBuffer volumes;

    /** Empty where the graphs answer labels. */
    private final FloatBuffer probabilities;

    /** Empty where the graphs answer probabilities. */
    private final ByteBuffer labels;

    private final FloatBuffer foreground;
    private final FloatBuffer weights;
    private final FloatBuffer globalConsistency;
    private final FloatBuffer regionalConsistency;

    WindowBuffers(ModelBundle bundle, Shape shape) {
        window = shape.window();
        int modalities = bundle.modalities().size();
        volumes = direct(Math.multiplyExact(modalities, window.voxels()));
        probabilities = direct(shape.labels() ? 0 : bundle.classes().size() * window.voxels());
        labels = ByteBuffer.allocateDirect(shape.labels() ? window.voxels() : 0);
        foreground = direct(1);
        weights = direct(modalities);
        globalConsistency = direct(modalities);
        regionalConsistency = direct(modalities);
    }

    /** For the graphs that run the bundle's window. */
    static WindowBuffers ofWindow(ModelBundle bundle) {
        return new WindowBuffers(bundle, new Shape(bundle.window(), false));
    }

    /** The input of a subset of {@code modalities} modalities: the front of one shared buffer. */
    FloatBuffer volumes(int modalities) {
        return volumes.slice(0, modalities * window.voxels());
    }

    FloatBuffer probabilities() {
        return probabilities.slice();
    }

    /** A class per voxel, unsigned. */
    ByteBuffer labels() {
        return labels.slice();
    }

    /** One number: the foreground's mass, as the graph sums it up. */
    FloatBuffer foreground() {
        return foreground.slice();
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

    /** Copies the whole crop to the input, with zeros behind its end along each axis. */
    void loadPadded(NormalisedCrop crop) {
        float[] zeros = new float[window.width() * window.height()];
        int target = 0;
        for (float[] channel : crop.channels()) {
            for (int z = 0; z < window.depth(); z++) {
                volumes.put(target, zeros);
                for (int y = 0; z < crop.depth() && y < crop.height(); y++) {
                    int source = (z * crop.height() + y) * crop.width();
                    volumes.put(target + y * window.width(), channel, source, crop.width());
                }
                target += zeros.length;
            }
        }
    }

    /** Copies the labels of the crop's brain out of a padded answer; other voxels are left as they are. */
    void copyLabels(NormalisedCrop crop, byte[] target) {
        for (int voxel = crop.brain().nextSetBit(0);
                voxel >= 0;
                voxel = crop.brain().nextSetBit(voxel + 1)) {
            int x = voxel % crop.width();
            int line = voxel / crop.width();
            int y = line % crop.height();
            int z = line / crop.height();
            target[voxel] = labels.get((z * window.height() + y) * window.width() + x);
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
        for (FloatBuffer scores : new FloatBuffer[] {foreground, weights, globalConsistency, regionalConsistency}) {
            for (int i = 0; i < scores.capacity(); i++) {
                scores.put(i, Float.NaN);
            }
        }
        if (probabilities.capacity() > 0) {
            probabilities.put(0, Float.NaN);
        }
    }

    private static FloatBuffer direct(int floats) {
        return ByteBuffer.allocateDirect(Math.multiplyExact(floats, Float.BYTES))
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer();
    }
}
