package io.cloe.worker.results;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.CampaignMode;
import io.cloe.schemas.CampaignOrder;
import io.cloe.schemas.CampaignOutput;
import io.cloe.schemas.CampaignPhase;
import io.cloe.schemas.CampaignSelection;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.ReprocessCampaign;
import io.cloe.schemas.ReprocessProgress;
import io.cloe.schemas.Segmentation;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class CampaignSummaryTest {

    static {
        Results.trustRecords();
    }

    private final CampaignSummary half = new CampaignSummary(List.of(
            part(0, CampaignPhase.RUNNING, null, 10, 4, Map.of("SCAN_GONE", 1L), 60.0, 5L),
            part(1, CampaignPhase.WAITING, "MODEL_NOT_HERE", 10, 5, Map.of(), 30.0, 130L)));

    @Test
    void shouldSayHowFarItIsHowFastHowLongItTakesAndWhatItWaitsFor() {
        assertThat(half.line())
                .isEqualTo("[##########..........] 9 of 20 done, 1 skipped, 0 failed  partitions: 1 running,"
                        + " 1 waiting for MODEL_NOT_HERE  SCAN_GONE=1  90.0/min, 2 min left");
        assertThat(half.title()).isEqualTo("m 2.0.0 shadow as-decided");
    }

    @Test
    void shouldSayTheSameInJson() {
        assertThat(half.json().get("done").asInt()).isEqualTo(9);
        assertThat(half.json().at("/partitions/waiting for MODEL_NOT_HERE").asInt())
                .isEqualTo(1);
        assertThat(half.json().get("remainingSeconds").asLong()).isEqualTo(130);
    }

    @Test
    void shouldBeOverOnlyWhenEachPartitionSaysSo() {
        CampaignSummary one = new CampaignSummary(List.of(part(0, CampaignPhase.DONE, null, 1, 1, Map.of(), null, 0L)));

        assertThat(one.isOver(2)).isFalse();
        assertThat(one.isOver(1)).isTrue();
        assertThat(half.isOver(2)).isFalse();
    }

    @Test
    void shouldExpectNoEndSoonerThanTheRateOfThoseAtWorkAllows() {
        CampaignSummary one = new CampaignSummary(List.of(
                part(0, CampaignPhase.DONE, null, 10, 10, Map.of(), 600.0, 0L),
                part(1, CampaignPhase.RUNNING, null, 10, 1, Map.of(), 6.0, 5L)));

        assertThat(one.line()).endsWith("  6.0/min, 90 s left");
        assertThat(one.json().get("remainingSeconds").asLong()).isEqualTo(90);
    }

    @Test
    void shouldSayWhyThereIsNothingToShow() {
        assertThat(new CampaignSummary(List.of()).line()).isEqualTo("waiting for a worker to take it up");
        CampaignSummary nothing = new CampaignSummary(List.of(
                part(0, CampaignPhase.DONE, null, 0, 0, Map.of(), null, 0L),
                part(1, CampaignPhase.DONE, null, 0, 0, Map.of(), null, 0L)));

        assertThat(nothing.line()).startsWith("no study with a result fits the selection");
    }

    @Test
    void shouldSayWhatKeptItFromItsEnd() {
        CampaignSummary done =
                new CampaignSummary(List.of(part(0, CampaignPhase.DONE, null, 5, 5, Map.of(), null, 0L)));
        CampaignSummary cancelled =
                new CampaignSummary(List.of(part(0, CampaignPhase.CANCELLED, null, 5, 1, Map.of(), null, 0L)));
        ReprocessProgress failed = ReprocessProgress.newBuilder(
                        part(0, CampaignPhase.DONE, null, 5, 4, Map.of("VOLUME_MISSING", 1L), null, 0L))
                .setSkipped(0)
                .setFailed(1)
                .build();

        assertThat(done.shortfall()).isEmpty();
        assertThat(cancelled.shortfall()).contains("the campaign was cancelled");
        assertThat(new CampaignSummary(List.of(failed)).shortfall().orElseThrow())
                .startsWith("1 of 5 studies failed")
                .contains("VOLUME_MISSING=1");
    }

    @Test
    void shouldEstimateByTheLastResultsAndByTheRateWhicheverIsSlower() {
        List<Segmentation> results = List.of(
                result("a", Map.of("infer", 400L)),
                result("b", Map.of("infer", 500L)),
                result("from-the-cache", Map.of()),
                result("c", Map.of("infer", 9_000L)));

        CampaignEstimate byDevice = CampaignEstimate.of(100, results, 2, Optional.empty());
        assertThat(byDevice.seconds()).contains(25L);
        assertThat(byDevice.text())
                .contains("100 studies")
                .contains("3 results took 500 ms")
                .contains("about 25 s");
        assertThat(CampaignEstimate.of(100, results, 2, Optional.of(10.0)).text())
                .contains("about 10 min");
        assertThat(CampaignEstimate.of(1, List.of(), 2, Optional.empty()).text())
                .isEqualTo("1 study; no result says how long that takes");
    }

    private static Segmentation result(String study, Map<String, Long> timings) {
        return Segmentation.newBuilder(Results.segmentation(study, 0))
                .setTimingsMs(timings)
                .build();
    }

    private static ReprocessProgress part(
            int partition,
            CampaignPhase phase,
            String waitingFor,
            long selected,
            long done,
            Map<String, Long> reasons,
            Double perMinute,
            Long remaining) {
        ReprocessCampaign campaign = ReprocessCampaign.newBuilder()
                .setCampaignId("c")
                .setOrder(CampaignOrder.RUN)
                .setModel(new ModelReference("f", "m", "2.0.0", "b"))
                .setSelection(new CampaignSelection(List.of(), null, null, null, null, null))
                .setMode(CampaignMode.AS_DECIDED)
                .setOutput(CampaignOutput.SHADOW)
                .setConcurrency(1)
                .setPartitions(2)
                .setCreatedAt(Instant.EPOCH)
                .build();
        return ReprocessProgress.newBuilder()
                .setCampaignId("c")
                .setPartition(partition)
                .setCampaign(campaign)
                .setPhase(phase)
                .setWaitingFor(waitingFor)
                .setSelected(selected)
                .setStarted(done)
                .setDone(done)
                .setSkipped(reasons.size())
                .setFailed(0)
                .setReasons(reasons)
                .setPerMinute(perMinute)
                .setRemainingSeconds(remaining)
                .setChangedAt(Instant.EPOCH)
                .build();
    }
}
