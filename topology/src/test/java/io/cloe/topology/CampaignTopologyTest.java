package io.cloe.topology;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.CampaignMode;
import io.cloe.schemas.CampaignOrder;
import io.cloe.schemas.CampaignOutput;
import io.cloe.schemas.CampaignPhase;
import io.cloe.schemas.CampaignSelection;
import io.cloe.schemas.FailureReason;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.ModelComparison;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.ReprocessCampaign;
import io.cloe.schemas.ReprocessProgress;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.Trigger;
import io.cloe.topology.study.Fixtures;
import io.cloe.topology.study.StudyRules;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CampaignTopologyTest {

    private static final ModelReference NEXT = new ModelReference("brain-glioma", "cloe", "2.0.0", "def");

    @TempDir
    Path stateDirectory;

    private StudyDriver driver;

    @BeforeEach
    void start() {
        driver = new StudyDriver(stateDirectory, StudyRules.defaults());
    }

    @AfterEach
    void stop() {
        driver.close();
    }

    @Test
    void shouldCompareAndPublishNothingWhenItIsAShadow() {
        segmented("a", "b", "c");

        order(campaign(CampaignOutput.SHADOW));
        Set<String> compared = finishAll();

        assertThat(compared).containsExactlyInAnyOrder("a", "b", "c");
        assertThat(driver.segmentations.isEmpty()).isTrue();
        List<ModelComparison> comparisons = driver.comparisons.readValuesToList();
        assertThat(comparisons).hasSize(3).allSatisfy(comparison -> {
            assertThat(comparison.getDecision()).isEqualTo(Trigger.COMPLETE);
            assertThat(comparison.getSameScans()).isTrue();
            assertThat(comparison.getPublishedRevision()).isNull();
        });
        ReprocessProgress last = lastProgress();
        assertThat(last.getPhase()).isEqualTo(CampaignPhase.DONE);
        assertThat(last.getSelected()).isEqualTo(3);
        assertThat(last.getDone()).isEqualTo(3);
    }

    @Test
    void shouldSupersedeWithTheSameDecisionWhenItPublishes() {
        segmented("a");

        order(campaign(CampaignOutput.PUBLISH));
        finishAll();

        Segmentation result = driver.segmentations.readValue();
        assertThat(result.getRevision()).isEqualTo(1);
        assertThat(result.getSupersedes()).isZero();
        assertThat(result.getTrigger()).isEqualTo(Trigger.REPROCESS);
        assertThat(result.getDecision()).isEqualTo(Trigger.COMPLETE);
        assertThat(driver.comparisons.readValue().getPublishedRevision()).isEqualTo(1);
    }

    @Test
    void shouldLetTheLiveChangeWinWhenAScanComesMeanwhile() {
        segmented("a");
        order(campaign(CampaignOutput.PUBLISH));
        driver.clock(Duration.ofSeconds(1));
        InferenceJob ofCampaign = driver.executor.onlyJob();

        driver.scans.pipeInput("a", Fixtures.replaced("a", "T1", 1));
        driver.finish(ofCampaign);

        assertThat(driver.segmentations.isEmpty()).isTrue();
        assertThat(lastProgress().getReasons()).containsEntry("OVERTAKEN", 1L);
        driver.clock(Duration.ofMinutes(5));
        driver.finish(driver.executor.onlyJob());
        Segmentation live = driver.segmentations.readValue();
        assertThat(live.getRevision()).isEqualTo(1);
        assertThat(live.getTrigger()).isEqualTo(Trigger.CORRECTION);
    }

    @Test
    void shouldHaveNoMoreAtWorkThanAllowedWhenThereAreMany() {
        segmented("a", "b", "c", "d", "e");

        order(campaign(CampaignOutput.SHADOW));
        driver.clock(Duration.ofSeconds(1));

        assertThat(driver.executor.jobs()).hasSize(2);
        driver.finish(driver.executor.jobs().get(0));
        assertThat(driver.executor.jobs()).hasSize(2);
    }

    @Test
    void shouldStartNoFasterThanTheRateWhenThereIsOne() {
        segmented("a", "b", "c");

        order(ReprocessCampaign.newBuilder(campaign(CampaignOutput.SHADOW))
                .setRatePerMinute(6.0)
                .build());
        driver.clock(Duration.ofSeconds(1));

        assertThat(driver.executor.jobs()).hasSize(1);
        driver.finish(driver.executor.onlyJob());
        assertThat(driver.executor.jobs()).isEmpty();
        driver.clock(Duration.ofSeconds(10));
        assertThat(driver.executor.jobs()).hasSize(1);
    }

    @Test
    void shouldGoOnAtOnceWhenTheRateIsRaised() {
        segmented("a", "b");
        ReprocessCampaign slow = ReprocessCampaign.newBuilder(campaign(CampaignOutput.SHADOW))
                .setRatePerMinute(0.1)
                .build();
        order(slow);
        driver.clock(Duration.ofSeconds(1));
        driver.finish(driver.executor.onlyJob());
        driver.clock(Duration.ofSeconds(1));
        assertThat(driver.executor.jobs()).isEmpty();

        order(ReprocessCampaign.newBuilder(slow).setRatePerMinute(600.0).build());
        driver.clock(Duration.ofSeconds(1));

        assertThat(driver.executor.jobs()).hasSize(1);
    }

    @Test
    void shouldWaitVisiblyWhenTheModelIsNotHere() {
        segmented("a");
        driver.executor.without(NEXT.getSha256());

        order(campaign(CampaignOutput.SHADOW));
        driver.clock(Duration.ofSeconds(2));

        assertThat(lastProgress().getWaitingFor()).isEqualTo("MODEL_NOT_HERE");
        assertThat(driver.executor.jobs()).isEmpty();
        driver.executor.with(NEXT.getSha256());
        driver.clock(Duration.ofSeconds(2));
        assertThat(finishAll()).containsExactly("a");
    }

    @Test
    void shouldWaitVisiblyWhenAnotherCampaignWasFirst() {
        segmented("a");
        order(ReprocessCampaign.newBuilder(campaign(CampaignOutput.SHADOW))
                .setRatePerMinute(0.1)
                .build());
        order(ReprocessCampaign.newBuilder(campaign(CampaignOutput.SHADOW))
                .setCampaignId("second")
                .build());

        ReprocessProgress second = lastProgress();

        assertThat(second.getCampaignId()).isEqualTo("second");
        assertThat(second.getWaitingFor()).isEqualTo("ANOTHER_CAMPAIGN");
    }

    @Test
    void shouldStartNothingWhilePausedAndGiveUpWhatRunsWhenCancelled() {
        segmented("a", "b", "c");
        ReprocessCampaign campaign = campaign(CampaignOutput.SHADOW);
        order(campaign);
        driver.clock(Duration.ofSeconds(1));

        order(ordered(campaign, CampaignOrder.PAUSE));
        driver.finish(driver.executor.jobs().get(0));
        driver.clock(Duration.ofSeconds(1));
        assertThat(driver.executor.jobs()).hasSize(1);

        order(ordered(campaign, CampaignOrder.CANCEL));
        assertThat(driver.executor.jobs()).isEmpty();
        assertThat(lastProgress().getPhase()).isEqualTo(CampaignPhase.CANCELLED);
        order(ordered(campaign, CampaignOrder.RUN));
        driver.clock(Duration.ofSeconds(1));
        assertThat(driver.executor.jobs()).isEmpty();
    }

    @Test
    void shouldTryAgainWhenAFaultMayPassAndCountTheOthersByReason() {
        segmented("a");
        order(campaign(CampaignOutput.SHADOW));
        driver.clock(Duration.ofSeconds(1));
        InferenceJob first = driver.executor.onlyJob();

        driver.fail(first, FailureReason.VOLUME_IO, true);
        assertThat(driver.executor.jobs()).isEmpty();
        driver.clock(Duration.ofSeconds(6));
        InferenceJob second = driver.executor.onlyJob();
        driver.fail(second, FailureReason.VOLUME_CORRUPT, false);

        assertThat(second.getAttempt()).isEqualTo(2);
        ReprocessProgress last = lastProgress();
        assertThat(last.getPhase()).isEqualTo(CampaignPhase.DONE);
        assertThat(last.getReasons()).containsEntry("VOLUME_CORRUPT", 1L);
    }

    @Test
    void shouldTryAsOftenAsTheRulesSayWhenAFaultDoesNotPass() {
        StudyRules.Retry retry = StudyRules.defaults().retry();
        segmented("a");
        order(campaign(CampaignOutput.SHADOW));
        driver.clock(Duration.ofSeconds(1));

        for (int attempt = 1; attempt <= retry.attempts(); attempt++) {
            assertThat(driver.executor.onlyJob().getAttempt()).isEqualTo(attempt);
            driver.fail(driver.executor.onlyJob(), FailureReason.VOLUME_IO, true);
            driver.clock(retry.delayAfter(attempt).plusMillis(1));
        }

        assertThat(driver.executor.jobs()).isEmpty();
        assertThat(lastProgress().getPhase()).isEqualTo(CampaignPhase.DONE);
        assertThat(lastProgress().getFailed()).isEqualTo(1);
    }

    @Test
    void shouldCountAndRunNothingWhenItIsADryRun() {
        segmented("a", "b");

        order(campaign(CampaignOutput.COUNT));
        driver.clock(Duration.ofSeconds(1));

        assertThat(lastProgress().getSelected()).isEqualTo(2);
        assertThat(lastProgress().getPhase()).isEqualTo(CampaignPhase.DONE);
        assertThat(driver.executor.jobs()).isEmpty();
    }

    @Test
    void shouldCountAtOnceWhenAnotherCampaignRuns() {
        segmented("a", "b");
        order(ReprocessCampaign.newBuilder(campaign(CampaignOutput.SHADOW))
                .setRatePerMinute(0.1)
                .build());

        order(ReprocessCampaign.newBuilder(campaign(CampaignOutput.COUNT))
                .setCampaignId("count")
                .setCreatedAt(Fixtures.START.plusSeconds(1))
                .build());
        driver.clock(Duration.ofSeconds(1));

        ReprocessProgress count = progress("count");
        assertThat(count.getPhase()).isEqualTo(CampaignPhase.DONE);
        assertThat(count.getSelected()).isEqualTo(2);
    }

    @Test
    void shouldTakeNoStudyOfItsOwnModelWhenItIsACanary() {
        order(ReprocessCampaign.newBuilder(campaign(CampaignOutput.SHADOW))
                .setModel(Fixtures.MODEL)
                .setLiveShare(1.0)
                .build());

        segmented("after");

        assertThat(driver.executor.jobs()).isEmpty();
        assertThat(lastProgress().getSelected()).isZero();
    }

    @Test
    void shouldRunOnStudiesPublishedFromNowOnWhenItIsACanary() {
        segmented("before");
        order(ReprocessCampaign.newBuilder(campaign(CampaignOutput.SHADOW))
                .setLiveShare(1.0)
                .build());

        segmented("after");

        assertThat(driver.executor.onlyJob().getStudyId()).isEqualTo("after");
        driver.finish(driver.executor.onlyJob());
        assertThat(driver.comparisons.readValue().getStudyId()).isEqualTo("after");
        assertThat(driver.segmentations.isEmpty()).isTrue();
        driver.clock(Duration.ofSeconds(1)); // all of it is told in the end, though nothing else happens
        assertThat(lastProgress().getDone()).isEqualTo(1);
        assertThat(lastProgress().getPhase()).isEqualTo(CampaignPhase.RUNNING);
    }

    @Test
    void shouldGoOnWithTheRestWhenAScanIsUnusableAndAllAreToBeUsed() {
        segmented("a");
        order(ReprocessCampaign.newBuilder(campaign(CampaignOutput.SHADOW))
                .setMode(CampaignMode.AS_COMPLETE)
                .build());
        driver.clock(Duration.ofSeconds(1));

        driver.failOn(driver.executor.onlyJob(), "T1", FailureReason.VOLUME_CORRUPT);
        assertThat(driver.executor.onlyJob().getScans()).hasSize(3);
        driver.finish(driver.executor.onlyJob());

        ModelComparison comparison = driver.comparisons.readValue();
        assertThat(comparison.getUsed()).hasSize(3);
        assertThat(comparison.getSameScans()).isFalse();
        assertThat(lastProgress().getDone()).isEqualTo(1);
    }

    @Test
    void shouldBeOverWithNothingSelectedWhenNoStudyFits() {
        segmented("a");

        order(ReprocessCampaign.newBuilder(campaign(CampaignOutput.PUBLISH))
                .setSelection(new CampaignSelection(List.of("b"), null, null, null, null, null))
                .build());
        driver.clock(Duration.ofSeconds(1));

        assertThat(lastProgress().getPhase()).isEqualTo(CampaignPhase.DONE);
        assertThat(lastProgress().getSelected()).isZero();
        assertThat(driver.executor.jobs()).isEmpty();
    }

    @Test
    void shouldBeginWhenTheCampaignBeforeItIsCancelled() {
        segmented("a");
        ReprocessCampaign first = ReprocessCampaign.newBuilder(campaign(CampaignOutput.SHADOW))
                .setRatePerMinute(0.1)
                .build();
        order(first);
        driver.clock(Duration.ofSeconds(1));
        order(ReprocessCampaign.newBuilder(campaign(CampaignOutput.SHADOW))
                .setCampaignId("second")
                .setCreatedAt(Fixtures.START.plusSeconds(1))
                .build());
        assertThat(lastProgress().getWaitingFor()).isEqualTo("ANOTHER_CAMPAIGN");

        order(ordered(first, CampaignOrder.CANCEL));
        driver.clock(Duration.ofSeconds(1));

        assertThat(finishAll()).containsExactly("a");
        assertThat(lastProgress().getCampaignId()).isEqualTo("second");
        assertThat(lastProgress().getPhase()).isEqualTo(CampaignPhase.DONE);
    }

    private void segmented(String... studies) {
        for (String study : studies) {
            driver.send(study, "T1", "T1CE", "T2", "FLAIR");
            driver.finish(driver.executor.onlyJob());
            driver.segmentations.readValue();
        }
    }

    private void order(ReprocessCampaign campaign) {
        driver.campaigns.pipeInput(campaign.getCampaignId(), campaign);
    }

    private static ReprocessCampaign ordered(ReprocessCampaign campaign, CampaignOrder order) {
        return ReprocessCampaign.newBuilder(campaign).setOrder(order).build();
    }

    private static ReprocessCampaign campaign(CampaignOutput output) {
        return ReprocessCampaign.newBuilder()
                .setCampaignId("first")
                .setOrder(CampaignOrder.RUN)
                .setModel(NEXT)
                .setSelection(new CampaignSelection(List.of(), null, null, null, null, null))
                .setMode(CampaignMode.AS_DECIDED)
                .setOutput(output)
                .setConcurrency(2)
                .setPartitions(1)
                .setCreatedAt(Fixtures.START)
                .build();
    }

    private Set<String> finishAll() {
        Set<String> finished = new HashSet<>();
        driver.clock(Duration.ofSeconds(1));
        while (!driver.executor.jobs().isEmpty()) {
            InferenceJob job = driver.executor.jobs().get(0);
            assertThat(job.getModel()).isEqualTo(NEXT);
            assertThat(finished.add(job.getStudyId())).as(job.getStudyId()).isTrue();
            driver.finish(job);
            driver.clock(Duration.ofSeconds(1));
        }
        return finished;
    }

    private ReprocessProgress last;

    private ReprocessProgress progress(String campaign) {
        return driver.progress.readValuesToList().stream()
                .filter(told -> told.getCampaignId().equals(campaign))
                .reduce((former, later) -> later)
                .orElseThrow();
    }

    private ReprocessProgress lastProgress() {
        List<ReprocessProgress> told = driver.progress.readValuesToList();
        last = told.isEmpty() ? last : told.get(told.size() - 1);
        return last;
    }
}
