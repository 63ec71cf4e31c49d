package io.cloe.it.bench;

import io.cloe.it.matrix.Contender;
import io.cloe.it.matrix.DslOuterJoin;
import io.cloe.it.matrix.MatrixRun;
import io.cloe.it.matrix.MatrixRun.Outcome;
import io.cloe.it.matrix.SpringAggregator;
import io.cloe.it.matrix.StudyTopologyContender;
import io.cloe.it.tools.BrokerProcess;
import io.cloe.it.tools.TestCluster;
import io.cloe.topology.matrix.ArrivalOrder;
import io.cloe.topology.matrix.Situation;
import io.cloe.topology.matrix.Verdict;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.Option;

/** All arrival orders in all situations, for the study topology and for its peers; the figure is the study topology's. */
final class MatrixBenchmark implements Benchmark {

    private static final Contender OURS = new StudyTopologyContender();
    private static final List<Contender> PEERS =
            List.of(DslOuterJoin.PLAIN, DslOuterJoin.PATIENT, new SpringAggregator());

    @Option(names = "--rounds", description = "How often everything is run. Default: ${DEFAULT-VALUE}.")
    private int rounds = 1;

    @Option(names = "--situations", split = ",", description = "Only these of ${COMPLETION-CANDIDATES}.")
    private List<Situation> situations = Arrays.asList(Situation.values());

    @Option(names = "--quiet", description = "No background traffic but in BUSY. Default: in all but IDLE.")
    private boolean quiet;

    @Option(names = "--peers", split = ",", description = "Only these peers; none = none. Default: all.")
    private List<String> peers;

    @Option(names = "--faults", description = "Also print what came out for each study that went wrong.")
    private boolean faults;

    @Override
    public String name() {
        return "matrix";
    }

    @Override
    public String measures() {
        return "64 arrival orders of the scans x 6 situations: studies with exactly one correct result; against peers";
    }

    @Override
    public Figure run(Session session) throws Exception {
        List<Contender> contenders = new ArrayList<>(PEERS);
        contenders.removeIf(peer -> peers != null && !peers.contains(peer.title()));
        contenders.add(0, OURS);
        Map<Contender, double[]> correct = new LinkedHashMap<>();
        contenders.forEach(contender -> correct.put(contender, new double[rounds]));
        PrintWriter out = session.out();
        out.println("studies with exactly one correct result / with none / with several or a wrong one");
        out.println(head("") + cells(contenders.stream().map(Contender::title)));
        BrokerProcess broker =
                BrokerProcess.start(Files.createDirectory(session.folder().resolve("kafka")));
        try (broker;
                TestCluster cluster = new TestCluster(broker.address())) {
            MatrixRun run = new MatrixRun(cluster, broker.address(), session.folder(), new Random(session.seed()));
            for (int round = 0; round < rounds; round++) {
                for (Situation situation : situations) {
                    out.print(head(situation.description()));
                    List<String> details = new ArrayList<>();
                    for (Contender contender : contenders) {
                        Outcome outcome = run.of(contender, situation, traffic(situation));
                        correct.get(contender)[round] += outcome.count(Verdict.CORRECT);
                        outcome.faults()
                                .forEach((order, answers) ->
                                        details.add("  " + contender.title() + ", " + order + ": " + answers));
                        out.print(cells(Stream.of(text(outcome))));
                        out.flush();
                    }
                    out.println();
                    if (faults) {
                        details.forEach(out::println);
                    }
                }
            }
        }
        int cases = situations.size() * ArrivalOrder.all().size();
        out.println("correct of " + cases + " cases:");
        correct.forEach((contender, counts) -> out.println(head("  " + contender.title()) + Spread.of(counts)));
        double least = Spread.of(correct.get(OURS)).least();
        return Figure.atLeast(name(), least, "cases", cases);
    }

    private boolean traffic(Situation situation) {
        return situation == Situation.BUSY || (situation != Situation.IDLE && !quiet);
    }

    private static String text(Outcome outcome) {
        return Arrays.stream(Verdict.values())
                .map(outcome::count)
                .map(String::valueOf)
                .collect(Collectors.joining(" / "));
    }

    private static String head(String text) {
        return String.format("%-32s", text);
    }

    private static String cells(Stream<String> texts) {
        return texts.map(text -> String.format("  %-18s", text)).collect(Collectors.joining());
    }
}
