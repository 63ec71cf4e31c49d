package io.cloe.topology.study;

import io.cloe.schemas.HistoryEntry;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.PublishedResult;
import io.cloe.schemas.ScanReference;
import io.cloe.schemas.StudyPhase;
import io.cloe.schemas.StudyTimer;
import io.cloe.schemas.TimerKind;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/** A study while a decision changes it. Lives within one call of {@link StudyDecisions}. */
final class StudyDraft {

    private final String id;
    private final String family;
    private final Instant openedAt;
    private final SortedMap<String, Scan> scans;
    private final List<HistoryEntry> history;
    private SortedSet<String> expected;
    private StudyPhase phase;
    private StatusReason reason;
    private Instant deadline;
    private boolean deadlineGiven;
    private int priority;
    private InferenceJob job;
    private int jobsStarted;
    private PublishedResult current;
    private StudyTimer timer;
    private String traceparent;
    private String rule;
    private String site;

    private StudyDraft(Study study) {
        this.id = study.id();
        this.family = study.family();
        this.phase = study.phase();
        this.reason = study.reason();
        this.openedAt = study.openedAt();
        this.deadline = study.deadline().orElse(null);
        this.deadlineGiven = study.deadlineGiven();
        this.expected = study.expected();
        this.priority = study.priority();
        this.scans = new TreeMap<>(study.scans());
        this.job = study.job().orElse(null);
        this.jobsStarted = study.jobsStarted();
        this.current = study.current().orElse(null);
        this.timer = study.timer().orElse(null);
        this.history = new ArrayList<>(study.history());
        this.traceparent = study.traceparent().orElse(null);
        this.rule = study.rule().orElse(null);
        this.site = study.site().orElse(null);
    }

    static StudyDraft of(Study study) {
        return new StudyDraft(study);
    }

    /** A study of which nothing has arrived yet. */
    static StudyDraft open(String id, String family, Instant now) {
        return new StudyDraft(new Study(
                id,
                family,
                StudyPhase.COLLECTING,
                StatusReason.WAITING_FOR_SCANS,
                now,
                Optional.empty(),
                false,
                Collections.emptySortedSet(),
                0,
                Collections.emptySortedMap(),
                Optional.empty(),
                0,
                Optional.empty(),
                Optional.empty(),
                List.of(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty()));
    }

    Study done(int historyLimit) {
        int from = Math.max(0, history.size() - historyLimit);
        return study(List.copyOf(history.subList(from, history.size())));
    }

    /** The study as it stands in this draft; changes with it. */
    Study view() {
        return study(history);
    }

    private Study study(List<HistoryEntry> itsHistory) {
        return new Study(
                id,
                family,
                phase,
                reason,
                openedAt,
                Optional.ofNullable(deadline),
                deadlineGiven,
                expected,
                priority,
                Collections.unmodifiableSortedMap(scans),
                Optional.ofNullable(job),
                jobsStarted,
                Optional.ofNullable(current),
                Optional.ofNullable(timer),
                itsHistory,
                Optional.ofNullable(traceparent),
                Optional.ofNullable(rule),
                Optional.ofNullable(site));
    }

    String id() {
        return id;
    }

    Optional<Instant> deadline() {
        return Optional.ofNullable(deadline);
    }

    Optional<String> rule() {
        return Optional.ofNullable(rule);
    }

    void follow(Optional<String> newRule) {
        rule = newRule.orElse(null);
    }

    void stands(StudyPhase newPhase, StatusReason newReason) {
        phase = newPhase;
        reason = newReason;
    }

    void put(Scan scan) {
        scans.put(scan.reference().getModality(), scan);
    }

    void expect(Collection<String> modalities) {
        SortedSet<String> more = new TreeSet<>(expected);
        more.addAll(modalities);
        expected = Collections.unmodifiableSortedSet(more);
    }

    void raisePriority(int atLeast) {
        priority = Math.max(priority, atLeast);
    }

    void waitUntil(Instant newDeadline, boolean given) {
        deadline = newDeadline;
        deadlineGiven = given;
    }

    void forgetDeadline() {
        deadline = null;
        deadlineGiven = false;
    }

    void start(InferenceJob newJob) {
        job = newJob;
        jobsStarted++;
        timer = null;
    }

    void dropJob() {
        job = null;
    }

    void publish(PublishedResult result) {
        current = result;
        job = null;
    }

    void arm(TimerKind kind, Instant due) {
        timer = new StudyTimer(kind, due);
    }

    void disarm() {
        timer = null;
    }

    void trace(String newTraceparent) {
        if (newTraceparent != null) {
            traceparent = newTraceparent;
        }
    }

    void at(String newSite) {
        if (newSite != null) {
            site = newSite;
        }
    }

    void note(Instant at, String what) {
        history.add(new HistoryEntry(at, what, null, null, null));
    }

    void note(Instant at, String what, String detail) {
        history.add(new HistoryEntry(at, what, null, null, detail));
    }

    void note(Instant at, String what, ScanReference scan, String detail) {
        history.add(new HistoryEntry(at, what, scan.getModality(), scan.getEventId(), detail));
    }
}
