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
        // They take turns: what else the machine does in the meantime falls on all of them.
        for (int round = 1; round <= rounds; round++) {
            for (int inference = 1; inference <= cores; inference *= 2) {
                for (int stream = 1; stream <= 2; stream++) {
                    rates.computeIfAbsent(key(inference, stream), any -> new ArrayList<>())
                            .add(rate(session, round, inference, stream, mix));
                }
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

    /** Studies per second of a worker that has seen as many before. */
    private static double rate(Session session, int round, int inference, int stream, List<Map<String, Path>> mix)
            throws Exception {
        String name = "threads-" + inference + "-" + stream + "-" + round;
        Map<String, String> threads = Map.of(
                InferenceConfig.INFERENCE_THREADS, Integer.toString(inference),
                WorkerConfig.STREAM_THREADS, Integer.toString(stream));
        try (BenchWorker worker = BenchWorker.start(
                session, name, Repository.shippedBundle(), Repository.phantoms(), PARTITIONS, threads)) {
            pass(worker, name + "-warm-up-", mix);
            long start = System.nanoTime();
            pass(worker, name + "-", mix);
            return mix.size() / ((System.nanoTime() - start) / 1e9);
        }
    }

    private static void pass(BenchWorker worker, String prefix, List<Map<String, Path>> mix) throws Exception {
        for (int i = 0; i < mix.size(); i++) {
            worker.submit(prefix + i, mix.get(i));
        }
        worker.awaitResults(mix.size());
    }
}
