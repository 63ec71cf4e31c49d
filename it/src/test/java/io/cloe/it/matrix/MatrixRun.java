package io.cloe.it.matrix;

import io.cloe.it.tools.TestCluster;
import io.cloe.it.tools.Waiting;
import io.cloe.topology.matrix.Answer;
import io.cloe.topology.matrix.ArrivalOrder;
import io.cloe.topology.matrix.Situation;
import io.cloe.topology.matrix.Verdict;
import io.cloe.topology.study.Fixtures;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;

/** The studies of all arrival orders, side by side through one contender in one situation. */
public final class MatrixRun {

    private static final List<ArrivalOrder> ORDERS = ArrivalOrder.all();
    private static final Set<String> STUDIES =
            ORDERS.stream().map(ArrivalOrder::studyId).collect(Collectors.toSet());
    private static final AtomicInteger RUNS = new AtomicInteger();

    /**
     * Between the scans of a study. Longer than the second by which Kafka Streams' joins put off what they did not match: scans that
     * come within it hide what a join does to scans that come apart, as real ones do.
     */
    private static final Duration APART = Duration.ofMillis(1_200);

    /** After the deadlines: whatever else is to come for a study that has its result comes now. */
    private static final Duration AFTERMATH = Duration.ofSeconds(2);

    private final TestCluster cluster;
    private final String broker;
    private final Path folder;
    private final Random random;

    /**
     * @param cluster the broker
     * @param broker its host:port
     * @param folder where contenders keep their state
     * @param random decides in which order the studies' scans follow each other
     */
    public MatrixRun(TestCluster cluster, String broker, Path folder, Random random) {
        this.cluster = cluster;
        this.broker = broker;
        this.folder = folder;
        this.random = random;
    }

    /**
     * What came out.
     *
     * @param verdicts for each order
     * @param answers all results of each order's study
     */
    public record Outcome(Map<ArrivalOrder, Verdict> verdicts, Map<ArrivalOrder, List<Answer>> answers) {

        /** How many studies have the verdict. */
        public long count(Verdict verdict) {
            return verdicts.values().stream().filter(verdict::equals).count();
        }

        /** All that came out for studies with other verdicts than {@link Verdict#CORRECT}. */
        public Map<ArrivalOrder, List<Answer>> faults() {
            Map<ArrivalOrder, List<Answer>> faults = new LinkedHashMap<>(answers);
            faults.keySet().removeIf(order -> verdicts.get(order) == Verdict.CORRECT);
            return faults;
        }
    }

    /** How long studies wait: a restart or a rebalance must fit in. */
    public static Duration timeout(Situation situation) {
        boolean disturbed = situation == Situation.RESTART || situation == Situation.REBALANCE;
        return Duration.ofSeconds(disturbed ? 15 : 6);
    }

    /**
     * Runs the contender in the situation.
     *
     * @param background whether other studies' scans pass by, so that what the situation does shows alone: much goes wrong without
     *     traffic that has nothing to do with, say, duplicates
     */
    public Outcome of(Contender contender, Situation situation, boolean background) throws Exception {
        Duration timeout = timeout(situation);
        String name =
                contender.title() + "-" + situation.name().toLowerCase(Locale.ROOT) + "-" + RUNS.incrementAndGet();
        Site site = Site.create(cluster, broker, name, timeout);
        if (!site.topics().outputs().contains(contender.resultTopic(site))) {
            site.createTopic(contender.resultTopic(site));
        }
        Path home = Files.createDirectory(folder.resolve(name));
        try (Members members = new Members(contender, site, home);
                Scans scans = new Scans(site);
                Results results = new Results(contender, site)) {
            members.join();
            if (background) {
                scans.startBackground();
            }
            Instant first = Instant.now();
            arrive(scans, situation, 0);
            // Now each study has one scan, and most wait for more.
            disturb(situation, members, site);
            for (int arrived = 1; arrived < Fixtures.MODALITIES.size(); arrived++) {
                pause();
                arrive(scans, situation, arrived);
            }
            requireInTime(first, timeout);
            results.read(STUDIES, timeout.plus(AFTERMATH), contender.longestWait(timeout));
            scans.stopBackground();
            cluster.awaitCaughtUp(site.name(), site.topics());
            results.drain();
            return outcome(situation, results);
        }
    }

    private void arrive(Scans scans, Situation situation, int place) {
        List<ArrivalOrder> shuffled = new ArrayList<>(ORDERS);
        Collections.shuffle(shuffled, random);
        for (ArrivalOrder order : shuffled) {
            if (place < order.modalities().size()) {
                scans.send(situation, order.studyId(), order.modalities().get(place));
            }
        }
        scans.flush();
    }

    private static void pause() {
        Instant end = Instant.now().plus(APART);
        Waiting.until("the next scans come").until(() -> !Instant.now().isBefore(end));
    }

    private void disturb(Situation situation, Members members, Site site) throws Exception {
        if (situation == Situation.RESTART) {
            cluster.awaitProcessed(site.name(), site.topics());
            members.restart();
        } else if (situation == Situation.REBALANCE) {
            cluster.awaitProcessed(site.name(), site.topics());
            members.join();
        }
    }

    /** On a machine so slow that deadlines pass before all scans are sent, other results would be the right ones. */
    private static void requireInTime(Instant first, Duration timeout) {
        Duration taken = Duration.between(first, Instant.now());
        if (taken.compareTo(timeout) >= 0) {
            throw new IllegalStateException("the scans took " + taken + " to send, more than the " + timeout
                    + " that studies wait: the machine is too busy for this");
        }
    }

    private static Outcome outcome(Situation situation, Results results) {
        Map<ArrivalOrder, Verdict> verdicts = new LinkedHashMap<>();
        Map<ArrivalOrder, List<Answer>> answers = new LinkedHashMap<>();
        for (ArrivalOrder order : ORDERS) {
            List<Answer> seen = List.copyOf(results.of(order.studyId()));
            answers.put(order, seen);
            verdicts.put(order, Verdict.on(order, situation, seen));
        }
        return new Outcome(verdicts, answers);
    }

    /** The members of a contender's group. */
    private static final class Members implements AutoCloseable {

        private final Contender contender;
        private final Site site;
        private final Path home;
        private final List<Contender.Member> running = new ArrayList<>();

        Members(Contender contender, Site site, Path home) {
            this.contender = contender;
            this.site = site;
            this.home = home;
        }

        /** A further member, which has part of the work when this returns. */
        void join() throws Exception {
            running.add(contender.join(site, Files.createDirectory(home.resolve("member-" + running.size()))));
            awaitWorkIsShared();
        }

        /** The first member ends and starts again, with the state that it left. */
        void restart() throws Exception {
            running.remove(0).close();
            running.add(0, contender.join(site, home.resolve("member-0")));
            awaitWorkIsShared();
        }

        private void awaitWorkIsShared() {
            Waiting.until("each member has part of the work")
                    .until(() -> running.stream().allMatch(member -> member.partitions() > 0)
                            && running.stream()
                                            .mapToInt(Contender.Member::partitions)
                                            .sum()
                                    == Site.PARTITIONS);
        }

        @Override
        public void close() {
            running.forEach(Contender.Member::close);
        }
    }
}
