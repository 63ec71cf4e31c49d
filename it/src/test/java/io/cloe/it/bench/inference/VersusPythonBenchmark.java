package io.cloe.it.bench.inference;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.it.bench.Benchmark;
import io.cloe.it.bench.Figure;
import io.cloe.it.bench.Session;
import io.cloe.it.bench.Spread;
import io.cloe.it.tools.Repository;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Option;

/** The whole worker against the script that a data scientist would write. */
public final class VersusPythonBenchmark implements Benchmark {

    private static final double TARGET = 1.5;

    @Option(names = "--studies", description = "Studies per round. Default: ${DEFAULT-VALUE}.")
    private int studies = 6;

    @Option(names = "--rounds", description = "Rounds that count. Default: ${DEFAULT-VALUE}.")
    private int rounds = 3;

    @Override
    public String name() {
        return "versus-python";
    }

    @Override
    public String measures() {
        return "studies per second of the whole worker, against a Python script with files, on the same graphs and cores";
    }

    @Override
    public Figure run(Session session) throws Exception {
        List<Map<String, Path>> mix = StudyMix.studies(studies);
        List<Double> ratios = new ArrayList<>();
        List<Double> allModalities = new ArrayList<>();
        try (PythonPeer python = PythonPeer.start(
                        "segment_studies.py",
                        session.folder().resolve("python.log"),
                        List.of("--bundle", Repository.shippedBundle().toString()));
                BenchWorker worker = BenchWorker.start(
                        session, "worker", Repository.shippedBundle(), Repository.phantoms(), 1, Map.of())) {
            session.out().printf("%d studies per round, one to four modalities%nseconds per round%n", studies);
            session.out()
                    .printf(
                            "%-8s %10s %18s %26s %8s%n",
                            "round", "worker", "script, subsets", "script, zeros for missing", "ratio");
            for (int round = 0; round <= rounds; round++) {
                double ours = ours(worker, round, mix);
                double subsets = theirs(python, session, mix, false);
                double zeros = theirs(python, session, mix, true);
                session.out()
                        .printf(
                                "%-8s %10.2f %18.2f %26.2f %8.2f%n",
                                round == 0 ? "warm-up" : round, ours, subsets, zeros, subsets / ours);
                session.out().flush();
                if (round > 0) {
                    ratios.add(subsets / ours);
                    allModalities.add(zeros / ours);
                }
            }
        }
        Spread spread = spread(ratios);
        session.out().println("against the script with a graph per subset: " + spread);
        session.out()
                .println("against the script with one graph and zeros for what is missing: " + spread(allModalities));
        return Figure.atLeast(name(), spread.median(), "x", TARGET);
    }

    private static Spread spread(List<Double> values) {
        return Spread.of(values.stream().mapToDouble(Double::doubleValue).toArray());
    }

    private static double ours(BenchWorker worker, int round, List<Map<String, Path>> mix) throws Exception {
        long start = System.nanoTime();
        for (int i = 0; i < mix.size(); i++) {
            worker.submit("round-" + round + "-" + i, mix.get(i));
        }
        worker.awaitResults(mix.size());
        return (System.nanoTime() - start) / 1e9;
    }

    private static double theirs(PythonPeer python, Session session, List<Map<String, Path>> mix, boolean zeros)
            throws Exception {
        ObjectNode request = new ObjectMapper().createObjectNode().put("zeros", zeros);
        request.put("out", session.folder().toString());
        ArrayNode list = request.putArray("studies");
        for (Map<String, Path> study : mix) {
            ObjectNode scans = list.addObject();
            study.forEach((modality, file) -> scans.put(modality, file.toString()));
        }
        return python.ask(request.toString()).get("seconds").asDouble();
    }
}
