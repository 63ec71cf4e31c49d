package io.cloe.it.bench;

import io.cloe.it.faults.FaultRun;
import io.cloe.it.faults.FaultRun.Outcome;
import io.cloe.it.faults.NotPossibleException;
import io.cloe.it.faults.Promise.Verdict;
import io.cloe.it.faults.Scenario;
import io.cloe.it.faults.Scenarios;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** Whether the promise holds while workers, brokers and disks fail. */
final class FaultsBenchmark implements Benchmark {

    private static final String ROW = "%-18s %6s %8s %8s %6s %6s %6s %9s %10s %9s %8s %6s%n";

    @Option(names = "--kills", description = "Kills in each scenario that kills at random. Default: ${DEFAULT-VALUE}.")
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
                        "campaign",
                        "orphans",
                        "left");
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
        try {
            Outcome outcome = new FaultRun(scenario, protocol, session.seed(), folder, session.out()).run();
            Verdict verdict = outcome.verdict();
            session.out()
                    .printf(
                            ROW,
                            scenario.name(),
                            outcome.kills(),
                            verdict.studies(),
                            verdict.results(),
                            verdict.lost().size(),
                            verdict.duplicates().size(),
                            verdict.gaps().size(),
                            verdict.dangling().size(),
                            outcome.differences().size() + verdict.different().size(),
                            outcome.own().size(),
                            verdict.orphans(),
                            outcome.afterSweep().orphans());
            outcome.problems().stream().limit(20).forEach(problem -> session.out()
                    .println("  " + problem));
            session.out().flush();
            return outcome.problems().size();
        } catch (NotPossibleException e) {
            session.out().printf("%-18s not measured: %s%n", scenario.name(), e.getMessage());
            return 0;
        }
    }
}
