package io.cloe.topology.study;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.StudyPhase;
import io.cloe.schemas.TimerKind;
import io.cloe.schemas.Trigger;
import io.cloe.topology.study.ModelFamilies.ModelFamily;
import java.time.Instant;
import java.util.Collection;
import java.util.List;

/**
 * What a study does next: wait, run, settle, close. Decided from what is known of the study alone, so that the order in which things arrived
 * does not matter. A part of {@link StudyDecisions}; changes nothing but the draft that it is given.
 */
final class NextStep {

    private final RuleBook book;
    private final ModelFamilies families;

    NextStep(RuleBook book, ModelFamilies families) {
        this.book = book;
        this.families = families;
    }

    /** Decides from what is known of the study what it does next: wait, run, settle, close. */
    void reconsider(Change change) {
        Study study = change.draft.view();
        if (study.phase() == StudyPhase.HELD || study.reason() == StatusReason.CANCELLED_BY_OPERATOR) {
            return;
        }
        if (!study.hasUsable()) {
            close(change, study);
        } else if (study.current().isPresent()) {
            reconsiderAfterResult(change, study);
        } else {
            reconsiderBeforeResult(change, study);
        }
    }

    void close(Change change, Study study) {
        boolean retracted = study.scans().values().stream().allMatch(Scan::retracted);
        change.draft.dropJob();
        change.draft.forgetDeadline();
        change.draft.stands(
                retracted ? StudyPhase.WITHDRAWN : StudyPhase.FAILED,
                retracted ? StatusReason.ALL_SCANS_RETRACTED : StatusReason.NO_USABLE_SCAN);
        keepForRetention(change);
        if (!retracted) {
            change.count(Counted.STUDY_FAILED);
        }
    }

    void reconsiderAfterResult(Change change, Study study) {
        if (study.currentResultHolds()) {
            change.draft.dropJob();
            change.draft.stands(StudyPhase.SEGMENTED, StatusReason.RESULT_PUBLISHED);
            keepForRetention(change);
            return;
        }
        Instant settled = change.now.plus(rules(change).settle());
        // A timer later than that was set before the clock was set back.
        boolean settling = study.timer()
                .map(timer ->
                        timer.getKind() == TimerKind.SETTLE && !timer.getDue().isAfter(settled))
                .orElse(false);
        change.draft.dropJob();
        change.draft.stands(StudyPhase.SEGMENTED, StatusReason.SETTLING);
        if (!settling) {
            change.draft.arm(TimerKind.SETTLE, settled);
        }
    }

    private void reconsiderBeforeResult(Change change, Study study) {
        Instant timeout = change.now.plus(rules(change).timeout());
        boolean clockWasSetBack = !study.deadlineGiven()
                && study.deadline().map(timeout::isBefore).orElse(false);
        if (study.deadline().isEmpty() || clockWasSetBack) {
            change.draft.waitUntil(timeout, false);
        }
        Instant deadline = change.draft.deadline().orElseThrow();
        if (complete(study)) {
            queue(change, Trigger.COMPLETE, StatusReason.ALL_EXPECTED_HERE);
        } else if (study.job().isPresent() && study.job().get().getTrigger() == Trigger.FORCED) {
            queue(change, Trigger.FORCED, StatusReason.FORCED_BY_OPERATOR);
        } else if (!change.now.isBefore(deadline)) {
            deadlineReached(change, study);
        } else {
            change.draft.dropJob();
            change.draft.stands(StudyPhase.COLLECTING, StatusReason.WAITING_FOR_SCANS);
            change.draft.arm(TimerKind.DEADLINE, deadline);
        }
    }

    private boolean complete(Study study) {
        Collection<String> expected = study.expected().isEmpty() ? modalitiesOf(study) : study.expected();
        return study.hasUsable(expected);
    }

    void deadlineReached(Change change, Study study) {
        if (rules(change).required().satisfiedBy(study.usableModalities())
                || rules(change).onIncomplete() == StudyRules.OnIncomplete.RUN) {
            queue(change, Trigger.DEADLINE, StatusReason.DEADLINE_PASSED);
        } else if (rules(change).onIncomplete() == StudyRules.OnIncomplete.WAIT) {
            change.draft.dropJob();
            change.draft.stands(StudyPhase.COLLECTING, StatusReason.WAITING_FOR_REQUIRED);
            keepForRetention(change);
        } else {
            fail(change, StatusReason.REQUIRED_MISSING, FailureReason.REQUIRED_MODALITIES_MISSING);
        }
    }

    void fail(Change change, StatusReason reason, FailureReason failure) {
        change.draft.dropJob();
        change.draft.stands(StudyPhase.FAILED, reason);
        change.report(change.failure(failure).setRetriable(false));
        change.count(Counted.STUDY_FAILED);
        keepForRetention(change);
    }

    void keepForRetention(Change change) {
        change.draft.arm(TimerKind.RETENTION, change.now.plus(rules(change).retention()));
    }

    void queue(Change change, Trigger trigger, StatusReason reason) {
        InferenceJob job = Jobs.first(change.draft.view(), trigger, change.now);
        change.draft.start(job);
        change.draft.stands(StudyPhase.QUEUED, reason);
        change.draft.note(change.now, "QUEUED", trigger + " revision " + job.getRevision());
    }

    StudyRules rules(Change change) {
        return book.rules(change.draft.rule());
    }

    List<String> modalitiesOf(Study study) {
        ModelFamily family = families.byName().get(study.family());
        // A family that was taken out of the configuration: what was expected is all that is known of it.
        return family == null ? List.copyOf(study.scans().keySet()) : family.modalities();
    }
}
