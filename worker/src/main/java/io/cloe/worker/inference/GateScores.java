package io.cloe.worker.inference;

import io.cloe.worker.bundle.GraphUse;
import io.cloe.worker.bundle.SubsetGraph;
import io.cloe.worker.inference.EngineException.Kind;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Collects what the gate said in each window and sums it up per study, every window weighted by its foreground. */
final class GateScores {

    /** Below this much foreground in all windows together, every window counts the same. */
    static final double LEAST_FOREGROUND = 1e-6;

    private final int modalities;
    private final List<Double> foreground = new ArrayList<>();
    private final List<double[]> weights = new ArrayList<>();
    private final List<double[]> global = new ArrayList<>();
    private final List<double[]> regional = new ArrayList<>();

    GateScores(int modalities) {
        this.modalities = modalities;
    }

    /** Takes one window's answer; the buffers are read, not kept. */
    void add(double foregroundMass, FloatBuffer weight, FloatBuffer u, FloatBuffer v) throws EngineException {
        foreground.add(foregroundMass);
        weights.add(finite(weight));
        global.add(finite(u));
        regional.add(finite(v));
    }

    /** One entry per modality of the graph whose answers were taken; none if it weighs none. */
    List<ModalityTrust> trust(SubsetGraph graph) {
        return switch (graph.gate()) {
            case COMPUTED -> computed(graph);
            case FIXED -> fixed(graph);
            case NONE -> List.of();
        };
    }

    private List<ModalityTrust> computed(SubsetGraph graph) {
        // Two modalities agree with each other equally much: what the graph answers as their weights is known but for
        // rounding.
        boolean pair = graph.use() == GraphUse.CONSISTENCY;
        List<ModalityTrust> trust = new ArrayList<>();
        for (int m = 0; m < modalities; m++) {
            trust.add(new ModalityTrust(
                    graph.modalities().get(m),
                    pair ? fixedShare(graph, m) : estimate(weights, m),
                    Optional.of(estimate(global, m)),
                    Optional.of(estimate(regional, m))));
        }
        return trust;
    }

    /** One or two modalities: shares that are known beforehand, no consistency. */
    private static List<ModalityTrust> fixed(SubsetGraph graph) {
        List<ModalityTrust> trust = new ArrayList<>();
        for (int m = 0; m < graph.modalities().size(); m++) {
            trust.add(new ModalityTrust(
                    graph.modalities().get(m), fixedShare(graph, m), Optional.empty(), Optional.empty()));
        }
        return trust;
    }

    private static Estimate fixedShare(SubsetGraph graph, int modality) {
        return new Estimate(graph.fixedWeights().get(modality), 0);
    }

    private Estimate estimate(List<double[]> values, int modality) {
        double[] perWindow =
                values.stream().mapToDouble(window -> window[modality]).toArray();
        return weighted(
                perWindow, foreground.stream().mapToDouble(Double::doubleValue).toArray());
    }

    /** Mean and standard deviation of the values under the given masses, or plain ones where there is next to no mass. */
    static Estimate weighted(double[] values, double[] masses) {
        double total = 0;
        for (double mass : masses) {
            total += mass;
        }
        boolean plain = total < LEAST_FOREGROUND;
        double divisor = plain ? values.length : total;
        double mean = 0;
        for (int i = 0; i < values.length; i++) {
            mean += (plain ? 1 : masses[i]) * values[i];
        }
        mean /= divisor;
        double variance = 0;
        for (int i = 0; i < values.length; i++) {
            double difference = values[i] - mean;
            variance += (plain ? 1 : masses[i]) * difference * difference;
        }
        return new Estimate(mean, Math.sqrt(variance / divisor));
    }

    private static double[] finite(FloatBuffer buffer) throws EngineException {
        double[] values = new double[buffer.capacity()];
        for (int i = 0; i < values.length; i++) {
            values[i] = buffer.get(i);
            if (!Double.isFinite(values[i])) {
                throw new EngineException(
                        Kind.ENGINE_ERROR, "the network's gate answered something that is not a number");
            }
        }
        return values;
    }
}
