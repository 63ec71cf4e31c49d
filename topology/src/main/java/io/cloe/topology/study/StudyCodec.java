package io.cloe.topology.study;

import io.cloe.schemas.ScanState;
import io.cloe.schemas.StudyState;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/** Between a {@link Study} and the record in which it is stored; the record's schema carries it over upgrades. */
public final class StudyCodec {

    private StudyCodec() {}

    /** The stored form of a study. */
    public static StudyState toState(Study study) {
        return new StudyState(
                study.id(),
                study.family(),
                study.phase(),
                study.reason().name(),
                study.openedAt(),
                study.deadline().orElse(null),
                study.deadlineGiven(),
                List.copyOf(study.expected()),
                study.priority(),
                study.scans().values().stream().map(StudyCodec::toState).toList(),
                study.job().orElse(null),
                study.jobsStarted(),
                study.current().orElse(null),
                study.timer().orElse(null),
                study.history(),
                study.traceparent().orElse(null),
                study.rule().orElse(null),
                study.site().orElse(null));
    }

    /** The study that was stored. */
    public static Study fromState(StudyState state) {
        SortedMap<String, Scan> scans = new TreeMap<>();
        state.getScans().forEach(scan -> scans.put(scan.getScan().getModality(), fromState(scan)));
        return new Study(
                state.getStudyId(),
                state.getFamily(),
                state.getPhase(),
                StatusReason.valueOf(state.getReason()),
                state.getOpenedAt(),
                Optional.ofNullable(state.getDeadline()),
                state.getDeadlineGiven(),
                Collections.unmodifiableSortedSet(new TreeSet<>(state.getExpected())),
                state.getPriority(),
                Collections.unmodifiableSortedMap(scans),
                Optional.ofNullable(state.getJob()),
                state.getJobsStarted(),
                Optional.ofNullable(state.getCurrent()),
                Optional.ofNullable(state.getTimer()),
                List.copyOf(state.getHistory()),
                Optional.ofNullable(state.getTraceparent()),
                Optional.ofNullable(state.getRule()),
                Optional.ofNullable(state.getSite()));
    }

    private static ScanState toState(Scan scan) {
        return new ScanState(
                scan.reference(),
                scan.operation(),
                scan.volume().orElse(null),
                scan.availableAt(),
                scan.receivedAt(),
                scan.unusable().orElse(null));
    }

    private static Scan fromState(ScanState state) {
        return new Scan(
                state.getScan(),
                state.getOperation(),
                Optional.ofNullable(state.getVolume()),
                state.getAvailableAt(),
                state.getReceivedAt(),
                Optional.ofNullable(state.getUnusable()));
    }
}
