package io.cloe.it.bench;

import io.cloe.it.faults.NotPossibleException;
import io.cloe.it.faults.Promise.Verdict;
import io.cloe.it.faults.Scenario;
import io.cloe.it.faults.Scenarios;
import io.cloe.it.faults.Situation;
import io.cloe.it.faults.StudyLoad;
import io.cloe.it.tools.BrokerProcess;
import io.cloe.worker.config.WorkerConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import picocli.CommandLine.Option;

/** Whether the promise holds while workers, brokers and disks fail. */
final class FaultsBenchmark implements Benchmark {

    private static final String ROW = "%-18s %6s %8s %8s %6s %6s %6s %9s %10s %8s%n";

    @Option(names = "--kills", description = "Workers killed in the first scenario. Default: ${DEFAULT-VALUE}.")
    private int kills = 200;

    @Option(names = "--protocol", description = "Group protocol: classic or streams. Default: ${DEFAULT-VALUE}.")
    private String protocol = "classic";

    @Option(names = "--only", paramLabel = "NAME", description = "Only this scenario.")
    private String only;

    @Override
    public String name() {
        return "faults";
    }

    @Override
    public String measures() {
        return "results that are lost, duplicated, out of order, dangling or different after faults";
    }

    @Override
    public Figure run(Session session) throws Exception {
        session.out().printf("group protocol %s%n", protocol);
        session.out()
                .printf(
                        ROW,
                        "scenario",
                        "kills",
                        "studies",
                        "results",
                        "lost",
                        "twice",
                        "gaps",
                        "dangling",
                        "different",
                        "orphans");
        int violations = 0;
        for (Scenario scenario : Scenarios.all(kills)) {
            if (only == null || only.equals(scenario.name())) {
                violations += violations(session, scenario);
            }
        }
        return Figure.atMost(name(), violations, "violations", 0);
    }

    private int violations(Session session, Scenario scenario) throws Exception {
        Path folder = Files.createDirectory(session.folder().resolve(scenario.name()));
        List<BrokerProcess> brokers = BrokerProcess.startCluster(folder.resolve("kafka"), scenario.brokers());
        Random random = new Random(session.seed() ^ scenario.name().hashCode());
        try (scenario;
                Situation situation = new Situation(
                        brokers,
                        scenario.name(),
                        protocol,
                        folder.resolve("faults"),
                        scenario.settings(folder),
                        random,
                        session.out())) {
            scenario.run(situation);
            Verdict verdict = situation.judge();
            List<StudyLoad.Expected> studies = situation.studies();
            List<String> problems = new ArrayList<>(verdict.named());
            problems.addAll(differencesFromAFaultlessRun(session, brokers, folder, verdict, studies));
            session.out()
                    .printf(
                            ROW,
                            scenario.name(),
                            situation.kills(),
                            verdict.studies(),
                            verdict.results(),
                            verdict.lost().size(),
                            verdict.duplicates().size(),
                            verdict.gaps().size(),
                            verdict.dangling().size(),
                            problems.size()
                                    - verdict.violations()
                                    + verdict.different().size(),
                            verdict.orphans());
            problems.stream().limit(20).forEach(problem -> session.out().println("  " + problem));
            session.out().flush();
            return problems.size();
        } catch (NotPossibleException e) {
            session.out().printf("%-18s not measured: %s%n", scenario.name(), e.getMessage());
            return 0;
        } finally {
            brokers.forEach(BrokerProcess::close);
        }
    }

    private List<String> differencesFromAFaultlessRun(
            Session session, List<BrokerProcess> brokers, Path folder, Verdict faulty, List<StudyLoad.Expected> studies)
            throws Exception {
        try (Situation situation = new Situation(
                brokers,
                "faultless",
                protocol,
                folder.resolve("faultless"),
                Map.of(WorkerConfig.VOLUME_ROOTS, folder.resolve("faults").toString()),
                new Random(session.seed()),
                session.out())) {
            situation.fleet().start(0);
            Verdict faultless = situation.judgeWithoutFaults(studies);
            List<String> problems = new ArrayList<>();
            faultless.named().forEach(problem -> problems.add("without faults: " + problem));
            faultless.maskOf().forEach((input, mask) -> {
                if (!mask.equals(faulty.maskOf().get(input))) {
                    problems.add("another mask than without faults: input " + input);
                }
            });
            return problems;
        }
    }
}
