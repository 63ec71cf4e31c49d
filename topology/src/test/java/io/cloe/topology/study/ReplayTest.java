package io.cloe.topology.study;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.CampaignItem;
import io.cloe.schemas.CampaignMode;
import io.cloe.schemas.CampaignOrder;
import io.cloe.schemas.CampaignOutput;
import io.cloe.schemas.CampaignSelection;
import io.cloe.schemas.FailureReason;
import io.cloe.schemas.InferenceFault;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.ReprocessCampaign;
import io.cloe.topology.study.Replay.Plan;
import io.cloe.topology.study.Replay.Skipped;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ReplayTest {

    private static final ModelReference NEXT = new ModelReference("brain-glioma", "cloe", "2.0.0", "def");

    /** Closed by its deadline with two of four; T1 could not be used. */
    private final SegmentedStudy study = new SegmentedStudy()
            .scans(Fixtures.scan("s", "T1"), Fixtures.scan("s", "T2"))
            .timer()
            .fault(new InferenceFault("T1", FailureReason.VOLUME_CORRUPT, false))
            .result(Fixtures.START.plusSeconds(3_600), outcome -> {});

    @Test
    void shouldUseTheScansOfTheDecisionWhenItReplaysAsDecided() {
        Plan plan = plan(CampaignMode.AS_DECIDED, CampaignOutput.SHADOW, NEXT);

        assertThat(modalities(plan)).containsExactly("T2");
    }

    @Test
    void shouldUseAllThatArrivedWhenItReplaysAsComplete() {
        Plan plan = plan(CampaignMode.AS_COMPLETE, CampaignOutput.SHADOW, NEXT);

        assertThat(modalities(plan)).containsExactlyInAnyOrder("T1", "T2");
    }

    @Test
    void shouldLeaveOutWhatWasRetractedWhenItReplaysAsComplete() {
        study.scans(Fixtures.retracted("s", "T1", 1));

        assertThat(modalities(plan(CampaignMode.AS_COMPLETE, CampaignOutput.SHADOW, NEXT)))
                .containsExactly("T2");
    }

    @Test
    void shouldGoOnWithTheRestWhenAScanIsUnusableAndItReplaysAsComplete() {
        CampaignItem item = plan(CampaignMode.AS_COMPLETE, CampaignOutput.SHADOW, NEXT)
                .item()
                .orElseThrow();

        CampaignItem again =
                Replay.without(item, CampaignMode.AS_COMPLETE, Set.of("T1")).orElseThrow();

        assertThat(again.getJob().getScans())
                .extracting(scan -> scan.getScan().getModality())
                .containsExactly("T2");
        assertThat(again.getJob().getJobId()).isNotEqualTo(item.getJob().getJobId());
        assertThat(item.getJob().getScans()).hasSize(2);
        assertThat(Replay.without(again, CampaignMode.AS_COMPLETE, Set.of("T2")))
                .isEmpty();
        assertThat(Replay.without(item, CampaignMode.AS_COMPLETE, Set.of())).isEmpty();
        assertThat(Replay.without(item, CampaignMode.AS_DECIDED, Set.of("T1"))).isEmpty();
    }

    @Test
    void shouldSkipWhenAScanOfTheDecisionWasReplaced() {
        study.scans(Fixtures.replaced("s", "T2", 1));

        assertThat(plan(CampaignMode.AS_DECIDED, CampaignOutput.SHADOW, NEXT).skipped())
                .contains(Skipped.SCAN_GONE);
    }

    @Test
    void shouldLeaveStudiesWithLiveWorkAloneWhenItPublishes() {
        study.scans(Fixtures.scan("s", "FLAIR"));

        assertThat(plan(CampaignMode.AS_DECIDED, CampaignOutput.PUBLISH, NEXT).skipped())
                .contains(Skipped.LIVE_WORK);
        assertThat(plan(CampaignMode.AS_DECIDED, CampaignOutput.SHADOW, NEXT).item())
                .isPresent();
    }

    @Test
    void shouldPublishNothingAgainWhenTheModelMadeTheResultFromTheSameScans() {
        assertThat(plan(CampaignMode.AS_DECIDED, CampaignOutput.PUBLISH, Fixtures.MODEL)
                        .skipped())
                .contains(Skipped.MODEL_ALREADY);
        assertThat(plan(CampaignMode.AS_DECIDED, CampaignOutput.SHADOW, Fixtures.MODEL)
                        .item())
                .isPresent();
        assertThat(plan(CampaignMode.AS_COMPLETE, CampaignOutput.PUBLISH, Fixtures.MODEL)
                        .item())
                .isPresent();
    }

    @Test
    void shouldNameAJobByCampaignStudyRevisionAndAttemptSoThatAReplayHasTheSameName() {
        CampaignItem one = plan(CampaignMode.AS_DECIDED, CampaignOutput.SHADOW, NEXT)
                .item()
                .orElseThrow();
        CampaignItem same = plan(CampaignMode.AS_DECIDED, CampaignOutput.SHADOW, NEXT)
                .item()
                .orElseThrow();

        assertThat(same).isEqualTo(one);
        assertThat(Replay.again(one, Fixtures.START).getJob().getJobId())
                .isNotEqualTo(one.getJob().getJobId());
    }

    private Plan plan(CampaignMode mode, CampaignOutput output, ModelReference model) {
        ReprocessCampaign campaign = ReprocessCampaign.newBuilder()
                .setCampaignId("c")
                .setOrder(CampaignOrder.RUN)
                .setModel(model)
                .setSelection(new CampaignSelection(List.of(), null, null, null, null, null))
                .setMode(mode)
                .setOutput(output)
                .setConcurrency(1)
                .setPartitions(1)
                .setCreatedAt(Fixtures.START)
                .build();
        return Replay.plan(campaign, study.study(), Fixtures.START);
    }

    private static List<String> modalities(Plan plan) {
        assertThat(plan.skipped()).isEqualTo(Optional.empty());
        return plan.item().orElseThrow().getJob().getScans().stream()
                .map(scan -> scan.getScan().getModality())
                .toList();
    }
}
