package io.cloe.it.faults;

import io.cloe.it.faults.Promise.Verdict;
import io.cloe.it.tools.BrokerProcess;
import io.cloe.schemas.FailureReason;
import io.cloe.worker.config.WorkerConfig;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;

/** One scenario on brokers of its own, its verdict, and what differs from a run of the same studies in which nothing fails. */
public final class FaultRun {

    private final Scenario scenario;
    private final String protocol;
    private final long seed;
    private final Path folder;
    private final PrintWriter out;

    /**
     * @param protocol group protocol, {@code classic} or {@code streams}
     * @param folder empty, for all that is written
     * @param out told how it goes
     */
    public FaultRun(Scenario scenario, String protocol, long seed, Path folder, PrintWriter out) {
        this.scenario = scenario;
        this.protocol = protocol;
        this.seed = seed;
        this.folder = folder;
        this.out = out;
    }

    /**
     * What came of it.
     *
     * @param kills of processes
     * @param verdict on the run with faults
     * @param afterSweep on the same, once the masks were swept
     * @param differences from a run without faults
     * @param cause the failure that studies had to meet
     * @param own what broke that only this scenario promises
     */
    public record Outcome(
            int kills,
            Verdict verdict,
            Verdict afterSweep,
            List<String> differences,
            Optional<FailureReason> cause,
            List<String> own) {

        /** Each violation of the promise by name. */
        public List<String> problems() {
            List<String> all = new ArrayList<>(verdict.named());
            afterSweep.dangling().forEach(revision -> all.add("swept away: " + revision));
            if (afterSweep.orphans() > 0) {
                all.add("not swept: " + afterSweep.orphans());
            }
            all.addAll(differences);
            all.addAll(own);
            cause.filter(reason -> !verdict.met().contains(reason))
                    .ifPresent(reason -> all.add("no study met " + reason));
            return all;
        }
    }

    /**
     * Runs it.
     *
     * @throws NotPossibleException if this machine does not allow it
     */
    public Outcome run() throws Exception {
        List<BrokerProcess> brokers = BrokerProcess.startCluster(folder.resolve("kafka"), scenario.brokers());
        try (scenario;
                Situation situation = new Situation(
                        brokers,
                        scenario.name(),
                        protocol,
                        folder.resolve("faults"),
                        scenario.settings(folder),
                        new Random(seed ^ scenario.name().hashCode()),
                        out)) {
            scenario.run(situation);
            Verdict verdict = situation.judge();
            Verdict afterSweep = situation.judgeAfterSweep();
            return new Outcome(
                    situation.kills(),
                    verdict,
                    afterSweep,
                    differences(brokers, verdict, situation.studies()),
                    scenario.cause(),
                    scenario.problems());
        } finally {
            brokers.forEach(BrokerProcess::close);
        }
    }

    private List<String> differences(List<BrokerProcess> brokers, Verdict faulty, List<StudyLoad.Expected> studies)
            throws Exception {
        try (Situation situation = new Situation(
                brokers,
                "faultless",
                protocol,
                Files.createDirectories(folder.resolve("faultless")),
                Map.of(WorkerConfig.VOLUME_ROOTS, folder.resolve("faults").toString()),
                new Random(seed),
                out)) {
            situation.fleet().start(0);
            Verdict faultless = situation.judgeWithoutFaults(studies);
            List<String> differences = new ArrayList<>();
            faultless.named().forEach(problem -> differences.add("without faults: " + problem));
            faultless.maskOf().forEach((input, mask) -> {
                if (!mask.equals(faulty.maskOf().get(input))) {
                    differences.add("another mask than without faults: input " + input);
                }
            });
            return differences;
        }
    }
}
