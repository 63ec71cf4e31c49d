package io.cloe.topology.campaign;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.cloe.schemas.CampaignMode;
import io.cloe.schemas.CampaignOrder;
import io.cloe.schemas.CampaignOutput;
import io.cloe.schemas.CampaignPhase;
import io.cloe.schemas.CampaignSelection;
import io.cloe.schemas.CampaignState;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.ReprocessCampaign;
import io.cloe.schemas.ReprocessProgress;
import io.cloe.topology.campaign.CampaignRun.Waiting;
import io.cloe.topology.study.Fixtures;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

/** What holds for a campaign in a partition, whatever happens to it in whatever order. */
class CampaignRunPropertyTest {

    private static final Instant START = Fixtures.START;

    @Property
    void shouldAccountForEachStudyWhateverHappens(
            @ForAll long seed,
            @ForAll @IntRange(min = 1, max = 40) int studies,
            @ForAll @IntRange(min = 1, max = 9) int concurrency,
            @ForAll @IntRange(min = 1, max = 4) int partitions) {
        Random random = new Random(seed);
        ReprocessCampaign campaign = campaign(concurrency, partitions, null);
        CampaignState state = CampaignRun.ordered(Optional.empty(), campaign, START);
        state = CampaignRun.countedAll(CampaignRun.counted(state, "z", studies, START), START);
        int looked = 0;
        for (int step = 0; step < 10_000 && !CampaignRun.isOver(state); step++) {
            Instant now = START.plusMillis(step);
            switch (random.nextInt(6)) {
                case 0 -> state = CampaignRun.waits(state, Waiting.ANOTHER_CAMPAIGN, now);
                case 1 -> state = CampaignRun.ordered(Optional.of(state), ordered(campaign, CampaignOrder.PAUSE), now);
                case 2 -> state = CampaignRun.ordered(Optional.of(state), ordered(campaign, CampaignOrder.RUN), now);
                case 3, 4 -> {
                    if (CampaignRun.isWanted(state) && !state.getWalked() && CampaignRun.hasRoom(state)) {
                        state = CampaignRun.goesOn(state, now);
                        if (looked == studies) {
                            state = CampaignRun.walkedAll(state, now);
                        } else {
                            looked++;
                            state = random.nextInt(4) == 0
                                    ? CampaignRun.skipped(state, "WHY", now)
                                    : CampaignRun.started(state, now);
                        }
                    }
                }
                default -> {
                    if (state.getInFlight() > 0) {
                        state = switch (random.nextInt(3)) {
                            case 0 -> CampaignRun.done(state, now);
                            case 1 -> CampaignRun.failed(state, "WHY", now);
                            default -> CampaignRun.overtaken(state, "WHY", now);
                        };
                    }
                }
            }
            assertThat(state.getInFlight()).isBetween(0, (concurrency + partitions - 1) / partitions);
            assertThat(state.getDone() + state.getFailed() + state.getSkipped() + state.getInFlight())
                    .isEqualTo(looked);
            assertThat(CampaignRun.isOver(state)).isEqualTo(state.getWalked() && state.getInFlight() == 0);
        }
        assertThat(state.getPhase()).isEqualTo(CampaignPhase.DONE);
        assertThat(state.getDone() + state.getFailed() + state.getSkipped()).isEqualTo(studies);
        assertThat(state.getReasons().getOrDefault("WHY", 0L)).isEqualTo(state.getFailed() + state.getSkipped());
        ReprocessProgress told = CampaignRun.progress(state, 0);
        assertThat(told.getRemainingSeconds()).isZero();
        assertThat(CampaignRun.ordered(Optional.of(state), ordered(campaign, CampaignOrder.RUN), START))
                .isEqualTo(state);
    }

    @Property
    void shouldStartNoMoreThanTheRateAllowsWhateverThePauses(
            @ForAll long seed,
            @ForAll @DoubleRange(min = 0.5, max = 600) double perMinute,
            @ForAll @IntRange(min = 1, max = 8) int partitions) {
        Random random = new Random(seed);
        CampaignState state = CampaignRun.ordered(Optional.empty(), campaign(100_000, partitions, perMinute), START);
        Duration pause = Duration.ofMillis((long) (60_000.0 * partitions / perMinute));
        Instant now = START;
        Instant last = null;
        for (int start = 0; start < 50; start++) {
            // It is looked at late now and then, as a busy task does.
            now = later(now, CampaignRun.nextStart(state))
                    .plusMillis(random.nextInt(3) == 0 ? random.nextInt(5_000) : 0);
            if (last != null) {
                assertThat(Duration.between(last, now)).isGreaterThanOrEqualTo(pause);
            }
            state = CampaignRun.started(state, now);
            last = now;
        }
    }

    @Property
    void shouldTellHowFastItGoesWhateverThePauses(
            @ForAll @IntRange(max = 7_200) int before, @ForAll @IntRange(max = 7_200) int after) {
        ReprocessCampaign campaign = campaign(1, 1, null);
        CampaignState state = CampaignRun.ordered(Optional.empty(), campaign, START);
        state = CampaignRun.countedAll(CampaignRun.counted(state, "z", 10, START), START);
        state = CampaignRun.done(CampaignRun.started(state, START), START.plusSeconds(30));
        Instant now = START.plusSeconds(30);
        state = CampaignRun.ordered(Optional.of(state), ordered(campaign, CampaignOrder.PAUSE), now);
        now = now.plusSeconds(before);
        state = CampaignRun.ordered(Optional.of(state), ordered(campaign, CampaignOrder.RUN), now);
        state = CampaignRun.waits(state, Waiting.MODEL_NOT_HERE, now);
        now = now.plusSeconds(after);
        state = CampaignRun.goesOn(state, now);
        now = now.plusSeconds(30);
        state = CampaignRun.done(CampaignRun.started(state, now), now);

        ReprocessProgress told = CampaignRun.progress(state, 0);
        assertThat(told.getPerMinute()).isEqualTo(2);
        assertThat(told.getRemainingSeconds()).isEqualTo(240);
    }

    @Property
    void shouldSampleTheSameStudiesAndMoreWhenTheShareGrows(
            @ForAll long seed, @ForAll @DoubleRange(max = 1) double one, @ForAll @DoubleRange(max = 1) double other) {
        String study = "study-" + seed;
        boolean less = CampaignRun.samples(canary(Math.min(one, other)), study);
        boolean more = CampaignRun.samples(canary(Math.max(one, other)), study);

        assertThat(less && !more).isFalse();
        assertThat(CampaignRun.samples(canary(0), study)).isFalse();
        assertThat(CampaignRun.samples(canary(1), study)).isTrue();
    }

    @Test
    void shouldSampleTheShareOfManyStudies() {
        for (double share : new double[] {0.01, 0.1, 0.5}) {
            long sampled = IntStream.range(0, 100_000)
                    .filter(study -> CampaignRun.samples(canary(share), "study-" + study))
                    .count();
            // Four standard deviations.
            assertThat((double) sampled)
                    .isCloseTo(100_000 * share, within(4 * Math.sqrt(100_000 * share * (1 - share))));
        }
    }

    private static Instant later(Instant one, Instant other) {
        return one.isAfter(other) ? one : other;
    }

    private static ReprocessCampaign canary(double share) {
        return ReprocessCampaign.newBuilder(campaign(1, 1, null))
                .setLiveShare(share)
                .build();
    }

    private static ReprocessCampaign ordered(ReprocessCampaign campaign, CampaignOrder order) {
        return ReprocessCampaign.newBuilder(campaign).setOrder(order).build();
    }

    private static ReprocessCampaign campaign(int concurrency, int partitions, Double rate) {
        return ReprocessCampaign.newBuilder()
                .setCampaignId("c")
                .setOrder(CampaignOrder.RUN)
                .setModel(new ModelReference("brain-glioma", "cloe", "2.0.0", "def"))
                .setSelection(new CampaignSelection(List.of(), null, null, null, null, null))
                .setMode(CampaignMode.AS_DECIDED)
                .setOutput(CampaignOutput.SHADOW)
                .setRatePerMinute(rate)
                .setConcurrency(concurrency)
                .setPartitions(partitions)
                .setCreatedAt(START)
                .build();
    }
}
