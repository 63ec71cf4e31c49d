package io.cloe.it.bench.inference;

import io.cloe.it.bench.Benchmark;
import io.cloe.it.bench.Figure;
import io.cloe.it.bench.Session;
import io.cloe.it.bench.Spread;
import io.cloe.it.tools.Repository;
import io.cloe.worker.config.InferenceConfig;
import io.cloe.worker.config.WorkerConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import picocli.CommandLine.Option;

/** What more cores and more stream threads bring. */
public final class ScalingBenchmark implements Benchmark {

    private static final double TARGET_PER_CORE = 0.8;
    private static final int PARTITIONS = 4;

    @Option(names = "--studies", description = "Studies per round. Default: ${DEFAULT-VALUE}.")
    private int studies = 4;

    @Option(names = "--rounds", description = "Rounds of each. Default: ${DEFAULT-VALUE}.")
    private int rounds = 3;

    @Override
    public String name() {
        return "scaling";
    }

    @Override
    public String measures() {
        return "studies per second of the whole worker by inference threads and stream threads, against one of each";
    }

    @Override
    public Figure run(Session session) throws Exception {
        int cores = Runtime.getRuntime().availableProcessors();
        Map<String, List<Double>> rates = new TreeMap<>();
        List<Map<String, Path>> mix = StudyMix.studies(studies);
        for (int inference = 1; inference <= cores; inference *= 2) {
            for (int stream = 1; stream <= 2; stream++) {
                measure(session, inference, stream, mix, rates);
            }
        }
        double base = median(rates.get(key(1, 1)));
        session.out().printf("%-18s %14s %12s %8s%n", "inference threads", "stream threads", "studies/s", "against");
        rates.forEach((key, measured) -> session.out()
                .printf(
                        "%-18s %14s %12.3f %8.2f%n",
                        key.split(" ")[0], key.split(" ")[1], median(measured), median(measured) / base));
        int most = Integer.highestOneBit(cores);
        return Figure.atLeast(name(), median(rates.get(key(most, 1))) / base, "x", TARGET_PER_CORE * most);
    }

    private static String key(int inference, int stream) {
        return inference + " " + stream;
    }

    private static double median(List<Double> values) {
        return Spread.of(values.stream().mapToDouble(Double::doubleValue).toArray())
                .median();
    }

    private void measure(
            Session session, int inference, int stream, List<Map<String, Path>> mix, Map<String, List<Double>> rates)
            throws Exception {
        String name = "threads-" + inference + "-" + stream;
        Map<String, String> threads = Map.of(
                InferenceConfig.INFERENCE_THREADS, Integer.toString(inference),
                WorkerConfig.STREAM_THREADS, Integer.toString(stream));
        try (BenchWorker worker = BenchWorker.start(
                session, name, Repository.shippedBundle(), Repository.phantoms(), PARTITIONS, threads)) {
            for (int round = 0; round <= rounds; round++) {
                long start = System.nanoTime();
                for (int i = 0; i < mix.size(); i++) {
                    worker.submit(name + "-" + round + "-" + i, mix.get(i));
                }
                worker.awaitResults(mix.size());
                if (round > 0) {
                    rates.computeIfAbsent(key(inference, stream), any -> new ArrayList<>())
                            .add(mix.size() / ((System.nanoTime() - start) / 1e9));
                }
            }
        }
    }
}
