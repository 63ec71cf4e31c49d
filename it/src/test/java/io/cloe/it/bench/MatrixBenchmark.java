package io.cloe.it.bench;

import io.cloe.it.matrix.Contender;
import io.cloe.it.matrix.MatrixRun;
import io.cloe.it.matrix.MatrixRun.Outcome;
import io.cloe.it.matrix.StudyTopologyContender;
import io.cloe.it.tools.BrokerProcess;
import io.cloe.it.tools.TestCluster;
import io.cloe.topology.matrix.ArrivalOrder;
import io.cloe.topology.matrix.Situation;
import io.cloe.topology.matrix.Verdict;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Collectors;
import picocli.CommandLine.Option;

/** All arrival orders in all situations, for the study topology and for its peers; the figure is the study topology's. */
final class MatrixBenchmark implements Benchmark {

    private static final List<Contender> CONTENDERS = List.of(new StudyTopologyContender());

    @Option(names = "--rounds", description = "How often everything is run. Default: ${DEFAULT-VALUE}.")
    private int rounds = 1;

    @Option(names = "--situations", split = ",", description = "Only these of ${COMPLETION-CANDIDATES}.")
    private List<Situation> situations = Arrays.asList(Situation.values());

    @Option(names = "--without-peers", description = "Only the study topology.")
    private boolean withoutPeers;

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
        List<Contender> contenders = withoutPeers ? CONTENDERS.subList(0, 1) : CONTENDERS;
        PrintWriter out = session.out();
        out.println("studies with exactly one correct result / with none / with several or a wrong one");
        out.print(cell("", 32));
        contenders.forEach(contender -> out.print(cell(contender.name(), 24)));
        out.println();
        Map<String, double[]> correct = new TreeMap<>();
        contenders.forEach(contender -> correct.put(contender.name(), new double[rounds]));
        BrokerProcess broker =
                BrokerProcess.start(Files.createDirectory(session.folder().resolve("kafka")));
        try (broker;
                TestCluster cluster = new TestCluster(broker.address())) {
            MatrixRun run = new MatrixRun(cluster, broker.address(), session.folder(), new Random(session.seed()));
            for (int round = 0; round < rounds; round++) {
                for (Situation situation : situations) {
                    out.print(cell(situation.description(), 32));
                    StringBuilder details = new StringBuilder();
                    for (Contender contender : contenders) {
                        Outcome outcome = run.of(contender, situation);
                        correct.get(contender.name())[round] += outcome.count(Verdict.CORRECT);
                        out.print(cell(text(outcome), 24));
                        out.flush();
                        outcome.faults()
                                .forEach((order, answers) -> details.append(
                                        String.format("  %s, %s: %s%n", contender.name(), order, answers)));
                    }
                    out.println();
                    if (faults) {
                        out.print(details);
                    }
                }
            }
        }
        int cases = situations.size() * ArrivalOrder.all().size();
        out.println("cases correct of " + cases + ":");
        contenders.forEach(
                contender -> out.println(cell("  " + contender.name(), 32) + Spread.of(correct.get(contender.name()))));
        double worst =
                Arrays.stream(correct.get(contenders.get(0).name())).min().orElseThrow();
        return Figure.atLeast(name(), worst, "cases", cases);
    }

    private static String text(Outcome outcome) {
        return Arrays.stream(Verdict.values())
                .map(outcome::count)
                .map(String::valueOf)
                .collect(Collectors.joining(" / "));
    }

    private static String cell(String text, int width) {
        return String.format("%-" + width + "s", text);
    }
}
