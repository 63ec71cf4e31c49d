package io.cloe.topology.study;

import static io.cloe.topology.study.Fixtures.START;
import static io.cloe.topology.study.Fixtures.event;
import static io.cloe.topology.study.Fixtures.fault;
import static io.cloe.topology.study.Fixtures.outcome;
import static io.cloe.topology.study.Fixtures.replaced;
import static io.cloe.topology.study.Fixtures.retracted;
import static io.cloe.topology.study.Fixtures.scan;
import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.AbsenceReason;
import io.cloe.schemas.CommandKind;
import io.cloe.schemas.FailureReason;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.JobScan;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyCommand;
import io.cloe.schemas.StudyFailure;
import io.cloe.schemas.StudyPhase;
import io.cloe.schemas.StudyTimer;
import io.cloe.schemas.TimerKind;
import io.cloe.schemas.Trigger;
import io.cloe.topology.study.StudyInput.CommandGiven;
import io.cloe.topology.study.StudyInput.JobEnded;
import io.cloe.topology.study.StudyInput.ScanArrived;
import io.cloe.topology.study.StudyInput.TimerDue;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class StudyDecisionsTest {

    private static final Duration TIMEOUT = Duration.ofMinutes(15);
    private static final Duration SETTLE = Duration.ofSeconds(5);

    private final List<Segmentation> results = new ArrayList<>();
    private final List<StudyFailure> failures = new ArrayList<>();
    private final List<Counted> counted = new ArrayList<>();
    private StudyRules rules = StudyRules.defaults();
    private Optional<Study> study = Optional.empty();
    private Instant now = START;

    // ---- rule 1: deadline and completeness

    @Test
    void shouldWaitUntilTimeoutWhenFirstScanArrives() {
        arrive(scan("s", "T1"));

        assertThat(study.orElseThrow().timer()).contains(new StudyTimer(TimerKind.DEADLINE, START.plus(TIMEOUT)));
        assertPhase(StudyPhase.COLLECTING, StatusReason.WAITING_FOR_SCANS);
    }

    @Test
    void shouldKeepDeadlineOfFirstScanWhenMoreArrive() {
        arrive(scan("s", "T1"));
        now = START.plusSeconds(60);
        arrive(scan("s", "T2"));

        assertThat(study.orElseThrow().deadline()).contains(START.plus(TIMEOUT));
    }

    @Test
    void shouldRunAtOnceWhenAllThatTheModelKnowsIsHere() {
        arriveAll("T1", "FLAIR", "T2", "T1CE");

        assertThat(job().getTrigger()).isEqualTo(Trigger.COMPLETE);
        assertThat(jobModalities()).containsExactly("FLAIR", "T1", "T1CE", "T2");
        assertThat(study.orElseThrow().timer()).isEmpty();
    }

    @Test
    void shouldRunAtOnceWhenAllThatTheSenderExpectsIsHere() {
        arrive(event("s", "T1CE", 0)
                .setExpectedModalities(List.of("T1CE", "FLAIR"))
                .build());
        assertPhase(StudyPhase.COLLECTING, StatusReason.WAITING_FOR_SCANS);

        arrive(scan("s", "FLAIR"));

        assertThat(job().getTrigger()).isEqualTo(Trigger.COMPLETE);
    }

    @Test
    void shouldUseEarliestNamedDeadlineWhenSeveralEventsNameOne() {
        arrive(event("s", "T1", 0).setDeadline(START.plusSeconds(120)).build());
        arrive(event("s", "T2", 0).setDeadline(START.plusSeconds(60)).build());
        arrive(event("s", "FLAIR", 0).setDeadline(START.plusSeconds(90)).build());

        assertThat(study.orElseThrow().deadline()).contains(START.plusSeconds(60));
    }

    @Test
    void shouldRunAtOnceWhenNamedDeadlineIsInThePast() {
        arrive(event("s", "T1", 0).setDeadline(START.minusSeconds(1)).build());

        assertThat(job().getTrigger()).isEqualTo(Trigger.DEADLINE);
    }

    @Test
    void shouldBoundDeadlineWhenNamedOneIsAbsurd() {
        arrive(event("s", "T1", 0)
                .setDeadline(Instant.ofEpochMilli(Long.MAX_VALUE))
                .build());

        assertThat(study.orElseThrow().deadline()).contains(START.plus(rules.longestWait()));
    }

    // ---- rule 2: incomplete at the deadline

    @Test
    void shouldRunWithWhatIsThereWhenDeadlinePassesAndAnyOneSuffices() {
        arriveAll("T1", "T2");
        timerFires();

        assertThat(job().getTrigger()).isEqualTo(Trigger.DEADLINE);
        assertThat(jobModalities()).containsExactly("T1", "T2");
    }

    @Test
    void shouldRunAnywayWhenRequiredIsMissingAndRuleSaysRun() {
        require("T1CE", StudyRules.OnIncomplete.RUN);
        arrive(scan("s", "T1"));
        timerFires();

        assertThat(job().getTrigger()).isEqualTo(Trigger.DEADLINE);
    }

    @Test
    void shouldWaitForRequiredWhenRuleSaysWait() {
        require("T1CE and (T2 or FLAIR)", StudyRules.OnIncomplete.WAIT);
        arriveAll("T1", "T1CE");
        timerFires();
        assertPhase(StudyPhase.COLLECTING, StatusReason.WAITING_FOR_REQUIRED);
        assertThat(study.orElseThrow().job()).isEmpty();

        arrive(scan("s", "FLAIR"));

        assertThat(job().getTrigger()).isEqualTo(Trigger.DEADLINE);
    }

    @Test
    void shouldFailWhenRequiredIsMissingAndRuleSaysDiscard() {
        require("T1CE", StudyRules.OnIncomplete.DISCARD);
        arrive(scan("s", "T1"));
        timerFires();

        assertPhase(StudyPhase.FAILED, StatusReason.REQUIRED_MISSING);
        assertThat(failures)
                .extracting(StudyFailure::getReason)
                .containsExactly(FailureReason.REQUIRED_MODALITIES_MISSING);
    }

    @Test
    void shouldReopenWhenRequiredScanArrivesAfterDiscard() {
        require("T1CE", StudyRules.OnIncomplete.DISCARD);
        arrive(scan("s", "T1"));
        timerFires();
        arrive(scan("s", "T1CE"));

        assertThat(jobModalities()).containsExactly("T1", "T1CE");
    }

    // ---- rule 3: same and older events

    @Test
    void shouldIgnoreWhenSameEventComesAgain() {
        arrive(scan("s", "T1"));
        Study before = study.orElseThrow();
        arrive(scan("s", "T1"));

        assertThat(study).containsSame(before);
        assertThat(counted).containsExactly(Counted.DUPLICATE_SCAN);
    }

    @Test
    void shouldIgnoreWhenSameContentComesUnderAnotherEventId() {
        ScanEvent.Builder first = event("s", "T1", 0);
        arrive(withDigest(first.setEventId("a"), "cafe"));
        arrive(withDigest(event("s", "T1", 0).setEventId("b"), "cafe"));

        assertThat(counted).containsExactly(Counted.DUPLICATE_SCAN);
    }

    @Test
    void shouldIgnoreWhenOlderRevisionComesLater() {
        arrive(replaced("s", "T1", 2));
        arrive(scan("s", "T1"));

        assertThat(counted).containsExactly(Counted.OUTDATED_SCAN);
        assertThat(study.orElseThrow().scans().get("T1").reference().getScanRevision())
                .isEqualTo(2);
    }

    @Test
    void shouldStayRetractedWhenScanComesAfterItsRetraction() {
        arrive(retracted("s", "T1", 0));
        arrive(scan("s", "T1"));

        assertPhase(StudyPhase.WITHDRAWN, StatusReason.ALL_SCANS_RETRACTED);
        assertThat(counted).containsExactly(Counted.OUTDATED_SCAN);
    }

    // ---- rule 4: after a result

    @Test
    void shouldPublishRevisionZeroWhenFirstJobEnds() {
        arriveAll("T1", "T1CE", "T2");
        timerFires();
        finish();

        Segmentation result = results.get(0);
        assertThat(result.getRevision()).isZero();
        assertThat(result.getSupersedes()).isNull();
        assertThat(result.getTrigger()).isEqualTo(Trigger.DEADLINE);
        assertThat(result.getMissing()).singleElement().satisfies(absent -> {
            assertThat(absent.getModality()).isEqualTo("FLAIR");
            assertThat(absent.getReason()).isEqualTo(AbsenceReason.NOT_RECEIVED);
        });
        assertPhase(StudyPhase.SEGMENTED, StatusReason.RESULT_PUBLISHED);
    }

    @Test
    void shouldMakeOneRevisionWhenSeveralScansComeLate() {
        arrive(scan("s", "T1"));
        timerFires();
        finish();
        arrive(scan("s", "T2"));
        assertThat(study.orElseThrow().timer()).contains(new StudyTimer(TimerKind.SETTLE, now.plus(SETTLE)));
        now = now.plusSeconds(3);
        arrive(scan("s", "FLAIR"));
        timerFires();
        finish();

        Segmentation late = results.get(1);
        assertThat(late.getRevision()).isEqualTo(1);
        assertThat(late.getSupersedes()).isZero();
        assertThat(late.getTrigger()).isEqualTo(Trigger.LATE_SCAN);
        assertThat(late.getUsed()).hasSize(3);
    }

    @Test
    void shouldNameCorrectionWhenUsedScanIsReplaced() {
        segmented("T1", "T2");
        arrive(replaced("s", "T1", 1));
        timerFires();

        assertThat(job().getTrigger()).isEqualTo(Trigger.CORRECTION);
    }

    @Test
    void shouldNameRetractionWhenUsedScanIsRetracted() {
        segmented("T1", "T2");
        arrive(retracted("s", "T1", 1));
        timerFires();
        finish();

        assertThat(results.get(1).getTrigger()).isEqualTo(Trigger.RETRACTION);
        assertThat(results.get(1).getMissing())
                .filteredOn(absent -> absent.getReason() == AbsenceReason.RETRACTED)
                .hasSize(1);
    }

    @Test
    void shouldWithdrawWhenLastScanIsRetracted() {
        segmented("T1");
        arrive(retracted("s", "T1", 1));

        assertPhase(StudyPhase.WITHDRAWN, StatusReason.ALL_SCANS_RETRACTED);
        assertThat(results).hasSize(1);
    }

    // ---- rule 5: changes while a job runs

    @Test
    void shouldReplaceJobWhenScanArrivesWhileItRuns() {
        arriveAll("T1", "T2", "FLAIR");
        timerFires();
        InferenceJob stale = job();
        arrive(scan("s", "T1CE"));

        apply(new JobEnded(outcome(stale, now)));
        assertThat(results).isEmpty();
        assertThat(counted).contains(Counted.STALE_RESULT);

        finish();
        assertThat(results).singleElement().satisfies(result -> {
            assertThat(result.getRevision()).isZero();
            assertThat(result.getTrigger()).isEqualTo(Trigger.COMPLETE);
            assertThat(result.getUsed()).hasSize(4);
        });
    }

    @Test
    void shouldIgnoreResultWhenItComesTwice() {
        arriveAll("T1", "T1CE", "T2", "FLAIR");
        InferenceJob job = job();
        apply(new JobEnded(outcome(job, now)));
        apply(new JobEnded(outcome(job, now)));

        assertThat(results).hasSize(1);
    }

    @Test
    void shouldNameJobsDifferentlyWhenTheyDoDifferentThings() {
        arrive(scan("s", "T1"));
        Optional<Study> onlyFirst = study;
        command(CommandKind.FORCE, null);
        String withoutSecond = job().getJobId();

        study = onlyFirst;
        arrive(scan("s", "T2"));
        command(CommandKind.FORCE, null);

        assertThat(job().getJobId()).isNotEqualTo(withoutSecond);
    }

    // ---- rule 6: volumes that cannot be used

    @Test
    void shouldRunWithTheRestWhenOneVolumeIsPermanentlyBad() {
        arriveAll("T1", "T1CE", "T2", "FLAIR");
        apply(new JobEnded(fault(job(), "T2", FailureReason.VOLUME_CORRUPT, false, now)));
        assertThat(jobModalities()).containsExactly("FLAIR", "T1", "T1CE");
        finish();

        assertThat(failures).singleElement().satisfies(failure -> {
            assertThat(failure.getReason()).isEqualTo(FailureReason.VOLUME_CORRUPT);
            assertThat(failure.getModality()).isEqualTo("T2");
            assertThat(failure.getEventId()).isEqualTo("s/T2/0");
        });
        assertThat(results.get(0).getFlags()).contains(Results.MODALITY_UNUSABLE);
        assertThat(results.get(0).getMissing().get(0).getReason()).isEqualTo(AbsenceReason.UNUSABLE);
    }

    @Test
    void shouldFailWhenNoVolumeIsLeft() {
        arrive(scan("s", "T1"));
        timerFires();
        apply(new JobEnded(fault(job(), "T1", FailureReason.CHECKSUM_MISMATCH, false, now)));

        assertPhase(StudyPhase.FAILED, StatusReason.NO_USABLE_SCAN);
        assertThat(failures).extracting(StudyFailure::getReason).containsExactly(FailureReason.CHECKSUM_MISMATCH);
    }

    @Test
    void shouldTryAgainWithGrowingDelayWhenFaultIsRetriable() {
        arriveAll("T1", "T1CE", "T2", "FLAIR");
        InferenceJob first = job();
        apply(new JobEnded(fault(first, "T1", FailureReason.VOLUME_NOT_FOUND, true, now)));
        assertPhase(StudyPhase.QUEUED, StatusReason.WAITING_FOR_RETRY);
        assertThat(study.orElseThrow().runningJob()).isEmpty();
        assertThat(timer().getDue()).isEqualTo(now.plusSeconds(2));
        timerFires();
        assertThat(job().getAttempt()).isEqualTo(2);
        assertThat(job().getJobId()).isNotEqualTo(first.getJobId());
        apply(new JobEnded(fault(job(), "T1", FailureReason.VOLUME_NOT_FOUND, true, now)));

        assertThat(timer().getDue()).isEqualTo(now.plusSeconds(4));
    }

    @Test
    void shouldDropModalityWhenRetriesAreExhausted() {
        arriveAll("T1", "T1CE", "T2", "FLAIR");
        for (int attempt = 1; attempt < rules.retry().attempts(); attempt++) {
            apply(new JobEnded(fault(job(), "T1", FailureReason.VOLUME_NOT_FOUND, true, now)));
            timerFires();
        }
        apply(new JobEnded(fault(job(), "T1", FailureReason.VOLUME_NOT_FOUND, true, now)));

        assertThat(jobModalities()).containsExactly("FLAIR", "T1CE", "T2");
        assertThat(failures.get(failures.size() - 1).getRetriable()).isFalse();
    }

    @Test
    void shouldFailStudyWhenWholeJobFailsForGood() {
        arriveAll("T1", "T1CE", "T2", "FLAIR");
        apply(new JobEnded(fault(job(), null, FailureReason.STUDY_TOO_LARGE, false, now)));

        assertPhase(StudyPhase.FAILED, StatusReason.JOB_FAILED);
    }

    // ---- rules 7 and 8: retention and commands

    @Test
    void shouldForgetStudyWhenRetentionEnds() {
        segmented("T1");
        timerFires();

        assertThat(study).isEmpty();
        assertThat(counted).contains(Counted.STUDY_EXPIRED);
    }

    @Test
    void shouldRunNowWhenForced() {
        arrive(scan("s", "T1"));
        command(CommandKind.FORCE, null);

        assertThat(job().getTrigger()).isEqualTo(Trigger.FORCED);
    }

    @Test
    void shouldOnlyCollectWhenHeld() {
        arrive(scan("s", "T1"));
        command(CommandKind.HOLD, null);
        arriveAll("T1CE", "T2", "FLAIR");

        assertPhase(StudyPhase.HELD, StatusReason.HELD_BY_OPERATOR);
        assertThat(study.orElseThrow().job()).isEmpty();
    }

    @Test
    void shouldMoveDeadlineWhenExtended() {
        arrive(scan("s", "T1"));
        command(CommandKind.EXTEND, START.plus(Duration.ofHours(2)));

        assertThat(timer()).isEqualTo(new StudyTimer(TimerKind.DEADLINE, START.plus(Duration.ofHours(2))));
    }

    @Test
    void shouldStayClosedWhenCancelled() {
        arrive(scan("s", "T1"));
        command(CommandKind.CANCEL, null);
        arriveAll("T1CE", "T2", "FLAIR");

        assertPhase(StudyPhase.WITHDRAWN, StatusReason.CANCELLED_BY_OPERATOR);
        assertThat(study.orElseThrow().job()).isEmpty();
    }

    @Test
    void shouldSurviveStorageWhenEncodedAndDecoded() {
        segmented("T1", "T2");
        arrive(scan("s", "FLAIR"));

        assertThat(StudyCodec.fromState(StudyCodec.toState(study.orElseThrow())))
                .isEqualTo(study.orElseThrow());
    }

    // ---- steps

    private void require(String expression, StudyRules.OnIncomplete onIncomplete) {
        StudyRules d = StudyRules.defaults();
        rules = new StudyRules(
                d.timeout(),
                d.longestWait(),
                d.settle(),
                d.retention(),
                RequiredModalities.parse(expression),
                onIncomplete,
                d.retry(),
                d.historyLimit());
    }

    private void segmented(String... modalities) {
        arriveAll(modalities);
        timerFires();
        finish();
    }

    private void arriveAll(String... modalities) {
        for (String modality : modalities) {
            arrive(scan("s", modality));
        }
    }

    private void arrive(ScanEvent event) {
        assertThat(ScanEventCheck.problem("s", event)).isEmpty();
        apply(new ScanArrived(event, null));
    }

    private void command(CommandKind kind, Instant deadline) {
        apply(new CommandGiven(new StudyCommand("c", "s", kind, deadline, null, now)));
    }

    private void timerFires() {
        StudyTimer timer = timer();
        now = timer.getDue();
        apply(new TimerDue(timer));
    }

    private void finish() {
        apply(new JobEnded(outcome(job(), now)));
    }

    private void apply(StudyInput input) {
        Transition transition = new StudyDecisions(RuleBook.of(rules), Fixtures.GLIOMA).apply(study, input, now);
        study = transition.after();
        transition.publication().ifPresent(publication -> results.add(publication.segmentation()));
        failures.addAll(transition.failures());
        counted.addAll(transition.counted());
        counted.removeIf(what -> what == Counted.RESULT_PUBLISHED || what == Counted.DEADLINE_REACHED);
    }

    private InferenceJob job() {
        return study.orElseThrow().runningJob().orElseThrow();
    }

    private List<String> jobModalities() {
        return job().getScans().stream()
                .map(JobScan::getScan)
                .map(reference -> reference.getModality())
                .toList();
    }

    private StudyTimer timer() {
        return study.orElseThrow().timer().orElseThrow();
    }

    private void assertPhase(StudyPhase phase, StatusReason reason) {
        assertThat(study.orElseThrow().phase()).isEqualTo(phase);
        assertThat(study.orElseThrow().reason()).isEqualTo(reason);
    }

    private static ScanEvent withDigest(ScanEvent.Builder event, String sha256) {
        return event.setVolume(new io.cloe.schemas.VolumeReference("file:///in/x", "nifti", null, sha256))
                .build();
    }
}
