package io.cloe.worker.inference;

import io.cloe.worker.bundle.BundleException;
import io.cloe.worker.bundle.Gate;
import io.cloe.worker.bundle.GoldenWindow;
import io.cloe.worker.bundle.SubsetGraph;
import io.cloe.worker.bundle.WindowShape;
import io.cloe.worker.volume.NormalisedCrop;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/** What this process's network answered to the golden window, in the order of the manifest's numbers. */
record GoldenAnswer(
        List<List<Double>> samples, List<Double> weights, List<Double> global, List<Double> regional, long nanos) {

    /** The golden window itself, which a formula makes. */
    static NormalisedCrop crop(GoldenWindow golden, WindowShape window) {
        List<float[]> channels = new ArrayList<>();
        for (int c = 0; c < golden.modalities().size(); c++) {
            float[] channel = new float[window.voxels()];
            int voxel = 0;
            for (int z = 0; z < window.depth(); z++) {
                for (int y = 0; y < window.height(); y++) {
                    for (int x = 0; x < window.width(); x++) {
                        channel[voxel++] = GoldenWindow.input(c, z, y, x);
                    }
                }
            }
            channels.add(channel);
        }
        return new NormalisedCrop(
                golden.modalities(),
                window.depth(),
                window.height(),
                window.width(),
                channels.toArray(float[][]::new),
                new BitSet());
    }

    static GoldenAnswer read(
            GoldenWindow golden, WindowShape window, SubsetGraph graph, WindowBuffers buffers, long nanos) {
        FloatBuffer probabilities = buffers.probabilities();
        int classes = probabilities.capacity() / window.voxels();
        List<List<Double>> samples = new ArrayList<>();
        for (GoldenWindow.Sample sample : golden.samples()) {
            int voxel = (sample.z() * window.height() + sample.y()) * window.width() + sample.x();
            List<Double> values = new ArrayList<>();
            for (int c = 0; c < classes; c++) {
                values.add((double) probabilities.get(c * window.voxels() + voxel));
            }
            samples.add(values);
        }
        int modalities = graph.modalities().size();
        if (graph.gate() == Gate.NONE) {
            return new GoldenAnswer(samples, List.of(), List.of(), List.of(), nanos);
        }
        if (graph.gate() == Gate.FIXED) {
            return new GoldenAnswer(samples, graph.fixedWeights(), List.of(), List.of(), nanos);
        }
        return new GoldenAnswer(
                samples,
                list(buffers.weights(modalities)),
                list(buffers.globalConsistency(modalities)),
                list(buffers.regionalConsistency(modalities)),
                nanos);
    }

    /**
     * Largest difference from the manifest's numbers.
     *
     * @throws BundleException of kind {@code GOLDEN_MISMATCH} if it exceeds the golden window's tolerance
     */
    double compare(GoldenWindow golden) throws BundleException {
        double largest = 0;
        for (int i = 0; i < samples.size(); i++) {
            largest = Math.max(
                    largest,
                    compare(
                            "golden.samples[" + i + "].probabilities",
                            golden.samples().get(i).probabilities(),
                            samples.get(i),
                            golden.tolerance()));
        }
        largest = Math.max(largest, compare("golden.weights", golden.weights(), weights, golden.tolerance()));
        largest = Math.max(
                largest, compare("golden.consistencyGlobal", golden.globalConsistency(), global, golden.tolerance()));
        return Math.max(
                largest,
                compare("golden.consistencyRegional", golden.regionalConsistency(), regional, golden.tolerance()));
    }

    private static double compare(String key, List<Double> expected, List<Double> actual, double tolerance)
            throws BundleException {
        double largest = 0;
        for (int i = 0; i < expected.size(); i++) {
            double difference = Math.abs(expected.get(i) - actual.get(i));
            // Written so that a NaN is refused.
            if (!(difference <= tolerance)) {
                throw new BundleException(
                        BundleException.Kind.GOLDEN_MISMATCH,
                        key + "[" + i + "]: the network answers " + actual.get(i) + ", the manifest says "
                                + expected.get(i) + ", allowed is a difference of " + tolerance);
            }
            largest = Math.max(largest, difference);
        }
        return largest;
    }

    private static List<Double> list(FloatBuffer buffer) {
        List<Double> values = new ArrayList<>();
        for (int i = 0; i < buffer.capacity(); i++) {
            values.add((double) buffer.get(i));
        }
        return values;
    }
}
