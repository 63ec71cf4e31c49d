package io.cloe.it.bench.inference;

import io.cloe.it.bench.Benchmark;
import io.cloe.it.bench.Figure;
import io.cloe.it.bench.Session;
import io.cloe.it.bench.Spread;
import io.cloe.it.tools.Repository;
import io.cloe.worker.bundle.BundleReader;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.bundle.SubsetGraph;
import io.cloe.worker.inference.DeviceChoice;
import io.cloe.worker.inference.EngineSettings;
import io.cloe.worker.inference.InferenceControl;
import io.cloe.worker.inference.InferenceEngine;
import io.cloe.worker.volume.NormalisedCrop;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import picocli.CommandLine.Option;

/** What it saves to compute only the modalities that arrived. */
public final class SubsetsBenchmark implements Benchmark {

    private static final double TARGET = 0.5;

    @Option(names = "--rounds", description = "Rounds that count; one more warms up. Default: ${DEFAULT-VALUE}.")
    private int rounds = 5;

    @Option(names = "--bundle", description = "The model. Default: the bundle that is shipped.")
    private Path folder;

    @Option(names = "--device", description = "auto, cpu, cuda:N or tensorrt:N. Default: ${DEFAULT-VALUE}.")
    private String device = "cpu";

    @Override
    public String name() {
        return "subsets";
    }

    @Override
    public String measures() {
        return "one window, mean over all subsets of modalities, against the graph of all of them (part of its time)";
    }

    @Override
    public Figure run(Session session) throws Exception {
        ModelBundle bundle = BundleReader.open(folder == null ? Repository.shippedBundle() : folder);
        Map<SubsetGraph, List<Double>> millis = new LinkedHashMap<>();
        bundle.graphs().forEach(graph -> millis.put(graph, new ArrayList<>()));
        SubsetGraph full = bundle.graph(bundle.modalities()).orElseThrow();
        List<Double> ratios = new ArrayList<>();
        try (InferenceEngine engine =
                InferenceEngine.open(bundle, EngineSettings.defaults().withDevice(DeviceChoice.parse(device)))) {
            session.out()
                    .println("model " + bundle.identity().id() + " "
                            + bundle.identity().version() + ", window " + bundle.window() + ", device "
                            + engine.device().running());
            for (int round = 0; round <= rounds; round++) {
                double sum = 0;
                double all = 0;
                for (SubsetGraph graph : bundle.graphs()) {
                    NormalisedCrop crop = noise(bundle, graph, new Random(session.seed()));
                    double took = engine.infer(crop, new InferenceControl()).sessionNanos() / 1e6;
                    sum += took;
                    all = graph == full ? took : all;
                    if (round > 0) {
                        millis.get(graph).add(took);
                    }
                }
                if (round > 0) {
                    ratios.add(sum / bundle.graphs().size() / all);
                }
            }
        }
        double whole = median(millis.get(full));
        session.out().printf("%-24s %10s %8s%n", "subset", "ms", "of all");
        millis.forEach((graph, times) -> session.out()
                .printf(
                        "%-24s %10.1f %8.2f%n",
                        String.join("+", graph.modalities()), median(times), median(times) / whole));
        Spread spread = spread(ratios);
        session.out().println("mean over the subsets against all modalities, per round: " + spread);
        return Figure.atMost(name(), spread.median(), "x", TARGET);
    }

    private static Spread spread(List<Double> values) {
        return Spread.of(values.stream().mapToDouble(Double::doubleValue).toArray());
    }

    private static double median(List<Double> values) {
        return spread(values).median();
    }

    private static NormalisedCrop noise(ModelBundle bundle, SubsetGraph graph, Random random) {
        float[][] channels =
                new float[graph.modalities().size()][bundle.window().voxels()];
        for (float[] channel : channels) {
            for (int i = 0; i < channel.length; i++) {
                channel[i] = (float) random.nextGaussian();
            }
        }
        BitSet brain = new BitSet();
        brain.set(0, bundle.window().voxels());
        return new NormalisedCrop(
                graph.modalities(),
                bundle.window().depth(),
                bundle.window().height(),
                bundle.window().width(),
                channels,
                brain);
    }
}
