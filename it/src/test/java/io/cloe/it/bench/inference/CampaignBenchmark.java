package io.cloe.it.bench.inference;

import io.cloe.it.bench.Benchmark;
import io.cloe.it.bench.Figure;
import io.cloe.it.bench.Session;
import io.cloe.it.bench.Spread;
import io.cloe.schemas.ReprocessCampaign;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import picocli.CommandLine.Option;

/** What a campaign costs live studies, and what it makes of a worker that has nothing else to do. */
public final class CampaignBenchmark implements Benchmark {

    private static final double MOST_LATENCY = 1.2;
    private static final double LEAST_THROUGHPUT = 0.9;
    private static final String ROW = "%-28s %8s %8s %8s %8s %8s %10s%n";

    @Option(names = "--studies", description = "Studies per round of throughput. Default: ${DEFAULT-VALUE}.")
    private int studies = 80;

    @Option(names = "--live", description = "Live studies per round of latency. Default: ${DEFAULT-VALUE}.")
    private int live = 200;

    @Option(
            names = "--load",
            description = "Share of the worker's capacity that live studies take. Default: ${DEFAULT-VALUE}.")
    private double load = 0.5;

    @Option(names = "--rounds", description = "Rounds of each. Default: ${DEFAULT-VALUE}.")
    private int rounds = 6;

    private PrintWriter out;

    @Override
    public String name() {
        return "campaign";
    }

    @Override
    public String measures() {
        return "p99 of live studies while a campaign runs, against without (and a campaign's throughput against live's)";
    }

    @Override
    public Figure run(Session session) throws Exception {
        out = session.out();
        try (Rollout rollout = Rollout.start(session)) {
            throughput(rollout, "warm-up");
            double[] campaign = new double[rounds];
            double[] plain = new double[rounds];
            out.printf("studies per second, nothing else to do, %d studies%n", studies);
            out.printf("%-8s %10s %10s %8s%n", "round", "live", "campaign", "ratio");
            for (int round = 0; round < rounds; round++) {
                double[] both = throughput(rollout, "idle-" + round);
                plain[round] = both[0];
                campaign[round] = both[1];
                out.printf("%-8d %10.1f %10.1f %8.3f%n", round + 1, both[0], both[1], both[1] / both[0]);
                out.flush();
            }
            Spread ratio = Spread.of(IntStream.range(0, rounds)
                    .mapToDouble(round -> campaign[round] / plain[round])
                    .toArray());
            out.println("ratio: " + ratio);
            boolean fastEnough = ratio.median() >= LEAST_THROUGHPUT;
            out.printf(
                    "throughput %.3f x target %s %s%n",
                    ratio.median(), LEAST_THROUGHPUT, fastEnough ? "met" : "missed");
            double p99 = latency(rollout, session, load * Spread.of(plain).median());
            return new Figure(name(), p99, "x", MOST_LATENCY, p99 <= MOST_LATENCY && fastEnough);
        }
    }

    /** Studies per second: live ones, then the same in a campaign; from the first event, or the order, to the last result's visibility. */
    private double[] throughput(Rollout rollout, String name) throws Exception {
        List<String> ids =
                IntStream.range(0, studies).mapToObj(i -> name + "-" + i).toList();
        long start = System.nanoTime();
        for (int i = 0; i < studies; i++) {
            rollout.submit(ids.get(i), i);
        }
        long end = start;
        for (String id : ids) {
            end = Math.max(end, rollout.awaitResult(id));
        }
        double plain = studies / ((end - start) / 1e9);
        start = System.nanoTime();
        rollout.begin(ids);
        for (String id : ids) {
            end = Math.max(end, rollout.awaitComparison(id));
        }
        return new double[] {plain, studies / ((end - start) / 1e9)};
    }

    /** The 99th percentile with a campaign over the one without, each over the studies of all rounds. */
    private double latency(Rollout rollout, Session session, double perSecond) throws Exception {
        out.printf(
                "milliseconds from a live study's last event to its visible result; %.1f studies per second at random times%n",
                perSecond);
        List<double[]> without = new ArrayList<>();
        List<double[]> with = new ArrayList<>();
        List<Double> rates = new ArrayList<>();
        for (int round = 0; round < rounds; round++) {
            // The same arrivals twice, and each side first in every other round: a machine's load changes slowly.
            long seed = session.seed() + round;
            boolean campaignFirst = round % 2 == 1;
            if (campaignFirst) {
                with.add(beside(rollout, "with-" + round, perSecond, seed, rates));
            }
            without.add(live(rollout, "without-" + round, perSecond, new Random(seed)));
            if (!campaignFirst) {
                with.add(beside(rollout, "with-" + round, perSecond, seed, rates));
            }
        }
        out.printf(ROW, "", "p50", "p90", "p95", "p99", "max", "campaign/s");
        double rate = rates.stream().mapToDouble(one -> one).average().orElseThrow();
        double alone = row("without a campaign", without, "");
        double beside = row("with a campaign", with, String.format("%.1f", rate));
        Map<String, Double> stagesWithout = rollout.stages("without-");
        Map<String, Double> stagesWith = rollout.stages("with-");
        out.println("mean milliseconds of a live study per stage, without and with:");
        stagesWithout.forEach((stage, millis) ->
                out.printf("  %-14s %8.1f %8.1f%n", stage, millis, stagesWith.getOrDefault(stage, 0.0)));
        out.println("each round's percentiles, with over without:");
        for (double share : List.of(0.5, 0.95, 0.99)) {
            double[] each = IntStream.range(0, rounds)
                    .mapToDouble(round -> quantile(sorted(List.of(with.get(round))), share)
                            / quantile(sorted(List.of(without.get(round))), share))
                    .toArray();
            out.printf("  p%-4.0f %s%n", 100 * share, Spread.of(each));
        }
        return beside / alone;
    }

    /** Live studies while campaigns run; adds the campaigns' studies per second. */
    private double[] beside(Rollout rollout, String name, double perSecond, long seed, List<Double> rates)
            throws Exception {
        List<ReprocessCampaign> campaigns = List.of(rollout.begin(List.of()), rollout.begin(List.of()));
        long start = System.nanoTime();
        double[] taken = live(rollout, name, perSecond, new Random(seed));
        double seconds = (System.nanoTime() - start) / 1e9;
        if (rollout.isOver(campaigns.get(1))) {
            throw new IllegalStateException("the campaigns were over before the live studies");
        }
        rates.add(campaigns.stream().mapToLong(rollout::done).sum() / seconds);
        for (ReprocessCampaign campaign : campaigns) {
            rollout.cancel(campaign);
        }
        return taken;
    }

    private double[] live(Rollout rollout, String name, double perSecond, Random random) throws Exception {
        long[] began = new long[live];
        long next = System.nanoTime();
        for (int i = 0; i < live; i++) {
            next += (long) (-Math.log(1 - random.nextDouble()) / perSecond * 1e9);
            TimeUnit.NANOSECONDS.sleep(next - System.nanoTime());
            began[i] = System.nanoTime();
            rollout.submit(name + "-" + i, i);
        }
        double[] taken = new double[live];
        for (int i = 0; i < live; i++) {
            taken[i] = (rollout.awaitResult(name + "-" + i) - began[i]) / 1e6;
        }
        return taken;
    }

    private double row(String title, List<double[]> roundsOfIt, String rate) {
        double[] all = sorted(roundsOfIt);
        out.printf(
                ROW,
                title,
                Math.round(quantile(all, 0.5)),
                Math.round(quantile(all, 0.9)),
                Math.round(quantile(all, 0.95)),
                Math.round(quantile(all, 0.99)),
                Math.round(quantile(all, 1)),
                rate);
        out.flush();
        return quantile(all, 0.99);
    }

    private static double[] sorted(List<double[]> several) {
        return several.stream().flatMapToDouble(Arrays::stream).sorted().toArray();
    }

    private static double quantile(double[] sorted, double share) {
        return sorted[(int) Math.max(0, Math.ceil(share * sorted.length) - 1)];
    }
}
