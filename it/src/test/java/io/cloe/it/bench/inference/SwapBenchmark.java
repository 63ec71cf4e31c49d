package io.cloe.it.bench.inference;

import io.cloe.it.bench.Benchmark;
import io.cloe.it.bench.Figure;
import io.cloe.it.bench.Session;
import io.cloe.it.bench.Spread;
import io.cloe.schemas.ModelComparison;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.Segmentation;
import io.cloe.worker.results.LatestRecords;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import picocli.CommandLine.Option;

/** Whether a promotion makes live studies wait, and whether a result can tell of one model and be made by another. */
public final class SwapBenchmark implements Benchmark {

    @Option(names = "--studies", description = "Studies per round. Default: ${DEFAULT-VALUE}.")
    private int studies = 200;

    @Option(names = "--promotions", description = "Promotions per round. Default: ${DEFAULT-VALUE}.")
    private int promotions = 4;

    @Option(names = "--rounds", description = "Rounds, each with and without promotions. Default: ${DEFAULT-VALUE}.")
    private int rounds = 3;

    @Option(names = "--ahead", description = "Studies that wait or run at any time. Default: ${DEFAULT-VALUE}.")
    private int ahead = 6;

    private boolean otherIsLive;

    @Override
    public String name() {
        return "swap";
    }

    @Override
    public String measures() {
        return "longest pause between results while models are promoted, against without and one inference (milliseconds)";
    }

    @Override
    public Figure run(Session session) throws Exception {
        try (Rollout rollout = Rollout.start(session)) {
            Map<String, String> masks = referenceMasks(rollout);
            pause(rollout, "warm-up", 0);
            session.out()
                    .printf(
                            "longest pause between two visible results, ms; %d studies, always %d at work or waiting%n",
                            studies, ahead);
            session.out().printf("%-8s %12s %18s%n", "round", "without", promotions + " promotions");
            double[] without = new double[rounds];
            double[] with = new double[rounds];
            for (int round = 0; round < rounds; round++) {
                without[round] = pause(rollout, "without-" + round, 0);
                with[round] = pause(rollout, "with-" + round, promotions);
                session.out().printf("%-8d %12.0f %18.0f%n", round + 1, without[round], with[round]);
                session.out().flush();
            }
            List<Segmentation> all = LatestRecords.all(
                    rollout.worker().clients(),
                    rollout.worker().clients().topics().segmentations(),
                    Segmentation.class);
            double inference = Spread.of(all.stream()
                            .mapToDouble(result -> result.getTimingsMs().getOrDefault("infer", 0L))
                            .toArray())
                    .most();
            int mixed = mixed(rollout, all, masks);
            long byOther = all.stream()
                    .filter(result -> result.getModel().equals(rollout.other()))
                    .count();
            session.out()
                    .printf(
                            "results: %d, of the other model %d, mixed %d; longest inference %.0f ms%n",
                            all.size(), byOther, mixed, inference);
            if (byOther == 0) {
                throw new IllegalStateException("no promotion took effect");
            }
            double longest = Spread.of(with).most();
            double allowed = Spread.of(without).most() + inference;
            return new Figure(name(), longest, "ms", allowed, longest <= allowed && mixed == 0);
        }
    }

    /** What each model alone makes of each kind of study: of the live one's results, and of a campaign of the other. */
    private static Map<String, String> referenceMasks(Rollout rollout) throws Exception {
        List<String> ids = IntStream.range(0, Rollout.KINDS)
                .mapToObj(kind -> "reference-" + kind)
                .toList();
        for (int kind = 0; kind < Rollout.KINDS; kind++) {
            rollout.submit(ids.get(kind), kind);
        }
        ids.forEach(rollout::awaitResult);
        rollout.begin(ids);
        ids.forEach(rollout::awaitComparison);
        Map<String, String> masks = new HashMap<>();
        int same = 0;
        for (ModelComparison comparison : LatestRecords.all(
                rollout.worker().clients(),
                rollout.worker().clients().topics().modelComparisons(),
                ModelComparison.class)) {
            int kind = Rollout.number(comparison.getStudyId());
            masks.put(key(rollout.live(), kind), comparison.getMaskBefore().getSha256());
            masks.put(key(rollout.other(), kind), comparison.getMaskAfter().getSha256());
            same += comparison.getSameMask() ? 1 : 0;
        }
        if (same > 0) {
            throw new IllegalStateException("the two models make the same mask of " + same + " kinds of studies");
        }
        return masks;
    }

    private static String key(ModelReference model, int kind) {
        return model.getSha256() + " " + kind;
    }

    /** Results whose model is neither of the two, or whose mask is not the one that its model makes of the study. */
    private static int mixed(Rollout rollout, List<Segmentation> results, Map<String, String> masks) {
        int mixed = 0;
        for (Segmentation result : results) {
            ModelReference model = result.getModel();
            int kind = Rollout.kind(Rollout.number(result.getStudyId()));
            boolean known = model.equals(rollout.live()) || model.equals(rollout.other());
            mixed += known && result.getMask().getSha256().equals(masks.get(key(model, kind))) ? 0 : 1;
        }
        return mixed;
    }

    /** The longest time between two results that follow each other, in milliseconds. */
    private double pause(Rollout rollout, String name, int times) throws Exception {
        Deque<String> open = new ArrayDeque<>();
        List<Long> seen = new ArrayList<>();
        int promoted = 0;
        for (int i = 0; i < studies; i++) {
            if (promoted < times && i >= studies * (promoted + 1) / (times + 1)) {
                otherIsLive = !otherIsLive;
                rollout.promote(otherIsLive ? rollout.other() : rollout.live());
                promoted++;
            }
            rollout.submit(name + "-" + i, i);
            open.add(name + "-" + i);
            if (open.size() >= ahead) {
                seen.add(rollout.awaitResult(open.remove()));
            }
        }
        for (String id : open) {
            seen.add(rollout.awaitResult(id));
        }
        seen.sort(null);
        long longest = 0;
        for (int i = 1; i < seen.size(); i++) {
            longest = Math.max(longest, seen.get(i) - seen.get(i - 1));
        }
        return longest / 1e6;
    }
}
