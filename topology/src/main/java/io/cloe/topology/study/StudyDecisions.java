package io.cloe.topology.study;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.InferenceFault;
import io.cloe.schemas.InferenceFaults;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceOutcome;
import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.JobScan;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.ScanReference;
import io.cloe.schemas.StudyCommand;
import io.cloe.schemas.StudyPhase;
import io.cloe.schemas.StudyStatus;
import io.cloe.schemas.StudyTimer;
import io.cloe.schemas.TimerKind;
import io.cloe.schemas.Trigger;
import io.cloe.topology.study.ModelFamilies.ModelFamily;
import io.cloe.topology.study.RuleBook.SpecialRule;
import io.cloe.topology.study.StudyInput.CommandGiven;
import io.cloe.topology.study.StudyInput.JobEnded;
import io.cloe.topology.study.StudyInput.Reprocessed;
import io.cloe.topology.study.StudyInput.ScanArrived;
import io.cloe.topology.study.StudyInput.TimerDue;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The study rules: a pure function from a study, an input and the time to the next study and what to publish.
 *
 * <p>Whatever happened, {@link NextStep} decides what the study does next from what is known of it, so that the order in
 * which things arrive does not matter.
 */
public final class StudyDecisions {

    /** The attribute of events by which campaigns select sites. */
    private static final String SITE = "site";

    private final RuleBook book;
    private final ModelFamilies families;
    private final NextStep next;

    /** Decisions under the given rules, for the given families. */
    public StudyDecisions(RuleBook book, ModelFamilies families) {
        this.book = book;
        this.families = families;
        this.next = new NextStep(book, families);
    }

    /**
     * Why the rules and the models cannot take an event, if so.
     *
     * @param study the study as stored; empty when unknown
     * @param event an event in which {@link ScanEventCheck} found no problem
     */
    public Optional<FailureReason> refusal(Optional<Study> study, ScanEvent event) {
        Optional<ModelFamily> family = familyOf(study, event);
        if (family.isEmpty()) {
            return Optional.of(FailureReason.UNKNOWN_FAMILY);
        }
        boolean another =
                study.map(known -> !known.family().equals(family.get().name())).orElse(false);
        if (another) {
            return Optional.of(FailureReason.INVALID_EVENT);
        }
        return family.get().modalities().contains(event.getModality())
                ? Optional.empty()
                : Optional.of(FailureReason.UNKNOWN_MODALITY);
    }

    /** The family that an event names, or else the one that its rule chooses, or else its study's, or else the default. */
    private Optional<ModelFamily> familyOf(Optional<Study> study, ScanEvent event) {
        if (event.getModelFamily() != null) {
            return families.find(event.getModelFamily());
        }
        String family = study.map(Study::family).orElse(families.fallback());
        return families.find(
                book.firstFor(event, family).flatMap(SpecialRule::modelFamily).orElse(family));
    }

    /** How often and how soon a failed job of a study is tried again; of one that is gone, as the general rules say. */
    public StudyRules.Retry retry(Optional<Study> study) {
        return book.rules(study.flatMap(Study::rule)).retry();
    }

    /**
     * Applies an input to a study.
     *
     * @param study the study as stored; empty when unknown
     * @param input what happened; a scan event must have passed {@link #refusal}
     * @param now wall-clock time
     */
    public Transition apply(Optional<Study> study, StudyInput input, Instant now) {
        if (input instanceof ScanArrived arrived) {
            return scanArrived(study, arrived, now);
        }
        if (study.isEmpty()) {
            return Transition.ignored(study, countedWhenUnknown(input));
        }
        Change change = new Change(study, StudyDraft.of(study.get()), now);
        if (input instanceof CommandGiven given) {
            return commandGiven(change, study.get(), given.command());
        }
        if (input instanceof JobEnded ended) {
            return jobEnded(change, study.get(), ended.result());
        }
        if (input instanceof Reprocessed reprocessed) {
            return reprocessed(change, study.get(), reprocessed);
        }
        return timerDue(change, study.get(), ((TimerDue) input).timer());
    }

    /**
     * Where a study stands, as the world is told.
     *
     * @param study a study that {@link Transition#toTell} named
     * @param at when it came there
     */
    public StudyStatus status(Study study, Instant at) {
        return Results.status(study, next.modalitiesOf(study), at);
    }

    private static Counted countedWhenUnknown(StudyInput input) {
        if (input instanceof CommandGiven) {
            return Counted.IGNORED_COMMAND;
        }
        return input instanceof TimerDue ? Counted.STALE_TIMER : Counted.STALE_RESULT;
    }

    // ---- scans
    // -------------------------------------------------------------------------------------------------------

    private Transition scanArrived(Optional<Study> study, ScanArrived arrived, Instant now) {
        ScanEvent event = arrived.event();
        ModelFamily family = familyOf(study, event).orElseThrow();
        Scan scan = Scan.of(event, now);
        Scan known = study.map(s -> s.scans().get(event.getModality())).orElse(null);
        if (known != null && scan.repeats(known)) {
            return Transition.ignored(study, Counted.DUPLICATE_SCAN);
        }
        if (known != null && !scan.newerThan(known)) {
            return Transition.ignored(study, Counted.OUTDATED_SCAN);
        }
        StudyDraft draft =
                study.map(StudyDraft::of).orElseGet(() -> StudyDraft.open(event.getStudyId(), family.name(), now));
        Change change = new Change(study, draft, now);
        draft.put(scan);
        draft.trace(arrived.traceparent());
        draft.at(event.getAttributes().get(SITE));
        draft.raisePriority(event.getPriority() == null ? 0 : event.getPriority());
        expect(draft, family, event);
        follow(change, family, event);
        deadlineFrom(change, event);
        draft.note(now, "SCAN_" + event.getOperation(), scan.reference(), "revision " + event.getScanRevision());
        next.reconsider(change);
        return done(change);
    }

    /** A study follows the rule nearest to the top that any of its events satisfies, whatever the order of arrival. */
    private void follow(Change change, ModelFamily family, ScanEvent event) {
        Optional<String> followed = change.draft.rule();
        Optional<String> rule =
                book.nearerToTop(followed, book.firstFor(event, family.name()).map(SpecialRule::name));
        if (rule.equals(followed)) {
            return;
        }
        Study study = change.draft.view();
        if (study.deadline().isPresent() && !study.deadlineGiven()) {
            Instant waitingSince =
                    study.deadline().get().minus(book.rules(followed).timeout());
            change.draft.waitUntil(waitingSince.plus(book.rules(rule).timeout()), false);
        }
        change.draft.follow(rule);
        change.draft.note(change.now, "RULE", rule.orElse("general"));
    }

    /** A study is complete when all that any event said to expect is here; without a word, all that the model knows. */
    private static void expect(StudyDraft draft, ModelFamily family, ScanEvent event) {
        if (event.getExpectedModalities() != null) {
            draft.expect(event.getExpectedModalities().stream()
                    .filter(family.modalities()::contains)
                    .toList());
        }
    }

    /** The earliest deadline that an event named counts, whatever the order of arrival. */
    private void deadlineFrom(Change change, ScanEvent event) {
        if (event.getDeadline() == null) {
            return;
        }
        Instant named = bounded(change, event.getDeadline());
        Study study = change.draft.view();
        boolean earlier =
                !study.deadlineGiven() || study.deadline().map(named::isBefore).orElse(true);
        if (earlier) {
            change.draft.waitUntil(named, true);
        }
    }

    private Instant bounded(Change change, Instant deadline) {
        Instant latest = change.now.plus(next.rules(change).longestWait());
        if (deadline.isAfter(latest)) {
            return latest;
        }
        return deadline.isBefore(change.now) ? change.now : deadline;
    }

    // ---- timers
    // ------------------------------------------------------------------------------------------------------

    private Transition timerDue(Change change, Study study, StudyTimer timer) {
        if (!study.timer().equals(Optional.of(timer))) {
            return Transition.ignored(change.before, Counted.STALE_TIMER);
        }
        change.draft.disarm();
        switch (timer.getKind()) {
            case DEADLINE -> {
                change.count(Counted.DEADLINE_REACHED);
                change.draft.note(change.now, "DEADLINE_REACHED", atDeadline(change, study));
                next.deadlineReached(change, study);
            }
            case SETTLE -> {
                Trigger trigger = triggerOfChange(study);
                next.queue(change, trigger, StatusReason.SCANS_CHANGED);
            }
            case RETRY -> change.draft.note(change.now, "RETRIED");
            case RETENTION -> {
                return expire(change, study);
            }
            default -> throw new IllegalStateException("timer of kind " + timer.getKind());
        }
        return done(change);
    }

    /** What was missing, and whether it mattered: the question that people ask of a study closed at its deadline. */
    private String atDeadline(Change change, Study study) {
        RequiredModalities required = next.rules(change).required();
        List<String> missing =
                new ArrayList<>(study.expected().isEmpty() ? next.modalitiesOf(study) : study.expected());
        missing.removeAll(study.usableModalities());
        return "missing " + String.join(" ", missing) + "; required " + required
                + (required.satisfiedBy(study.usableModalities())
                        ? ""
                        : " not satisfied, so "
                                + next.rules(change).onIncomplete().name().toLowerCase(Locale.ROOT));
    }

    /** Why a study with a result runs again: a retraction outweighs a correction, a correction a late scan. */
    private static Trigger triggerOfChange(Study study) {
        Map<String, ScanReference> usable = study.usableScans().stream()
                .map(Scan::reference)
                .collect(Collectors.toMap(ScanReference::getModality, Function.identity()));
        boolean corrected = false;
        for (ScanReference used : study.current().orElseThrow().getUsed()) {
            ScanReference now = usable.get(used.getModality());
            if (now == null) {
                return Trigger.RETRACTION;
            }
            corrected |= !now.equals(used);
        }
        return corrected ? Trigger.CORRECTION : Trigger.LATE_SCAN;
    }

    private Transition expire(Change change, Study study) {
        change.count(Counted.STUDY_EXPIRED);
        if (study.phase() != StudyPhase.COLLECTING) {
            return change.forget();
        }
        next.fail(change, StatusReason.REQUIRED_MISSING, FailureReason.REQUIRED_MODALITIES_MISSING);
        return change.doneAndForget(next.rules(change).historyLimit());
    }

    // ---- results
    // -----------------------------------------------------------------------------------------------------

    private Transition jobEnded(Change change, Study study, InferenceResult result) {
        boolean wanted = study.runningJob()
                .map(job -> job.getJobId().equals(result.getJobId()))
                .orElse(false);
        if (!wanted) {
            return Transition.ignored(change.before, Counted.STALE_RESULT);
        }
        InferenceJob job = study.runningJob().orElseThrow();
        if (result.getBody() instanceof InferenceOutcome outcome) {
            publish(change, study, job, outcome, job.getTrigger());
        } else if (result.getBody() instanceof InferenceFaults faults) {
            jobFailed(change, job, faults.getFaults());
        } else {
            return Transition.ignored(change.before, Counted.STALE_RESULT);
        }
        return done(change);
    }

    /** A campaign's result supersedes the one that it was made for, unless the study has moved on meanwhile: what is live wins. */
    private Transition reprocessed(Change change, Study study, Reprocessed reprocessed) {
        InferenceJob job = reprocessed.job();
        boolean stands = study.reason() == StatusReason.RESULT_PUBLISHED
                && study.current()
                        .map(result -> result.getRevision() + 1 == job.getRevision())
                        .orElse(false);
        if (!stands) {
            return Transition.ignored(change.before, Counted.STALE_RESULT);
        }
        for (JobScan used : job.getScans()) {
            // What could not be used before could be now.
            change.draft.put(study.scans().get(used.getScan().getModality()).markedUsable());
        }
        publish(change, change.draft.view(), job, reprocessed.outcome(), reprocessed.decision());
        return done(change);
    }

    private void publish(Change change, Study study, InferenceJob job, InferenceOutcome outcome, Trigger decision) {
        change.publish(Results.publication(study, job, outcome, decision, next.modalitiesOf(study)));
        change.draft.publish(Results.published(job, outcome, decision, change.now));
        change.draft.stands(StudyPhase.SEGMENTED, StatusReason.RESULT_PUBLISHED);
        change.draft.note(
                change.now,
                "PUBLISHED",
                "revision " + job.getRevision() + ", " + job.getTrigger() + ", job "
                        + job.getJobId() + ", model " + outcome.getModel().getId() + " "
                        + outcome.getModel().getVersion());
        change.count(Counted.RESULT_PUBLISHED);
        next.keepForRetention(change);
    }

    private void jobFailed(Change change, InferenceJob job, List<InferenceFault> faults) {
        boolean attemptsLeft = job.getAttempt() < next.rules(change).retry().attempts();
        boolean retry = attemptsLeft && faults.stream().allMatch(InferenceFault::getRetriable);
        for (InferenceFault fault : faults) {
            change.report(change.failure(fault.getReason())
                    .setModality(fault.getModality())
                    .setEventId(eventOf(job, fault.getModality()))
                    .setJobId(job.getJobId())
                    .setAttempt(job.getAttempt())
                    .setRetriable(retry || (attemptsLeft && fault.getRetriable())));
            change.draft.note(
                    change.now,
                    "JOB_FAILED",
                    fault.getReason() + (fault.getModality() == null ? "" : " " + fault.getModality()) + ", attempt "
                            + job.getAttempt());
        }
        if (retry) {
            retryLater(change, job);
        } else {
            runWithTheRest(change, job, faults, attemptsLeft);
        }
    }

    private static String eventOf(InferenceJob job, String modality) {
        return job.getScans().stream()
                .map(JobScan::getScan)
                .filter(scan -> scan.getModality().equals(modality))
                .map(ScanReference::getEventId)
                .findFirst()
                .orElse(null);
    }

    private void retryLater(Change change, InferenceJob job) {
        change.draft.start(Jobs.next(change.draft.view(), job));
        change.draft.stands(StudyPhase.QUEUED, StatusReason.WAITING_FOR_RETRY);
        change.draft.arm(
                TimerKind.RETRY, change.now.plus(next.rules(change).retry().delayAfter(job.getAttempt())));
        change.count(Counted.JOB_RETRIED);
    }

    /** Permanent faults of single volumes drop those modalities; a fault of the whole job fails the study. */
    private void runWithTheRest(Change change, InferenceJob job, List<InferenceFault> faults, boolean attemptsLeft) {
        boolean wholeJob = faults.isEmpty();
        for (InferenceFault fault : faults) {
            boolean permanent = !fault.getRetriable() || !attemptsLeft;
            Scan scan = fault.getModality() == null
                    ? null
                    : change.draft.view().scans().get(fault.getModality());
            if (scan == null) {
                wholeJob |= permanent;
            } else if (permanent) {
                change.draft.put(scan.markedUnusable(fault.getReason()));
            }
        }
        change.draft.dropJob();
        Study study = change.draft.view();
        if (wholeJob) {
            change.draft.stands(StudyPhase.FAILED, StatusReason.JOB_FAILED);
            change.count(Counted.STUDY_FAILED);
            next.keepForRetention(change);
        } else if (!study.hasUsable()) {
            next.close(change, study);
        } else if (study.currentResultHolds()) {
            next.reconsiderAfterResult(change, study);
        } else if (job.getTrigger() == Trigger.DEADLINE || job.getTrigger() == Trigger.COMPLETE) {
            deadlineReachedWithTheRest(change, study, job.getTrigger());
        } else {
            next.queue(change, job.getTrigger(), StatusReason.RUNNING_WITH_THE_REST);
        }
    }

    private void deadlineReachedWithTheRest(Change change, Study study, Trigger trigger) {
        if (next.rules(change).required().satisfiedBy(study.usableModalities())) {
            next.queue(change, trigger, StatusReason.RUNNING_WITH_THE_REST);
        } else {
            next.deadlineReached(change, study);
        }
    }

    // ---- commands
    // ----------------------------------------------------------------------------------------------------

    private Transition commandGiven(Change change, Study study, StudyCommand command) {
        StudyDraft draft = change.draft;
        switch (command.getKind()) {
            case FORCE -> {
                if (!study.hasUsable()) {
                    return Transition.ignored(change.before, Counted.IGNORED_COMMAND);
                }
                draft.note(change.now, "FORCED");
                next.queue(change, Trigger.FORCED, StatusReason.FORCED_BY_OPERATOR);
            }
            case HOLD -> {
                draft.dropJob();
                draft.disarm();
                draft.stands(StudyPhase.HELD, StatusReason.HELD_BY_OPERATOR);
                draft.note(change.now, "HELD");
            }
            case EXTEND -> {
                if (command.getDeadline() == null || study.current().isPresent()) {
                    return Transition.ignored(change.before, Counted.IGNORED_COMMAND);
                }
                draft.waitUntil(bounded(change, command.getDeadline()), true);
                draft.stands(StudyPhase.COLLECTING, StatusReason.WAITING_FOR_SCANS);
                draft.note(change.now, "EXTENDED");
                next.reconsider(change);
            }
            case CANCEL -> {
                draft.dropJob();
                draft.stands(
                        study.current().isPresent() ? StudyPhase.SEGMENTED : StudyPhase.WITHDRAWN,
                        StatusReason.CANCELLED_BY_OPERATOR);
                draft.note(change.now, "CANCELLED");
                next.keepForRetention(change);
            }
            default -> {
                return Transition.ignored(change.before, Counted.IGNORED_COMMAND);
            }
        }
        return done(change);
    }

    private Transition done(Change change) {
        return change.done(next.rules(change).historyLimit());
    }
}
