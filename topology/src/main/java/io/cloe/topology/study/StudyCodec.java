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
        return StudyState.newBuilder()
                .setStudyId(study.id())
                .setFamily(study.family())
                .setPhase(study.phase())
                .setReason(study.reason().name())
                .setOpenedAt(study.openedAt())
                .setDeadline(study.deadline().orElse(null))
                .setDeadlineGiven(study.deadlineGiven())
                .setExpected(List.copyOf(study.expected()))
                .setPriority(study.priority())
                .setScans(
                        study.scans().values().stream().map(StudyCodec::toState).toList())
                .setJob(study.job().orElse(null))
                .setJobsStarted(study.jobsStarted())
                .setCurrent(study.current().orElse(null))
                .setTimer(study.timer().orElse(null))
                .setHistory(study.history())
                .setTraceparent(study.traceparent().orElse(null))
                .setRule(study.rule().orElse(null))
                .build();
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
                Optional.ofNullable(state.getRule()));
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
