package io.cloe.topology.study;

import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.JobScan;
import io.cloe.schemas.ScanState;
import io.cloe.schemas.StudyState;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Between a {@link Study} and the record in which it is stored; the record's schema carries it over upgrades.
 *
 * <p>A job almost always takes the study's usable scans, which are stored anyway: it is then stored without scans, and gets them back
 * when it is read. See topology/docs/0007.
 */
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
                toState(study.scans().values()),
                study.job().map(job -> toState(job, study)).orElse(null),
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
        for (ScanState scan : state.getScans()) {
            scans.put(scan.getScan().getModality(), fromState(scan));
        }
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
                Optional.ofNullable(state.getJob()).map(job -> fromState(job, scans.values())),
                state.getJobsStarted(),
                Optional.ofNullable(state.getCurrent()),
                Optional.ofNullable(state.getTimer()),
                List.copyOf(state.getHistory()),
                Optional.ofNullable(state.getTraceparent()),
                Optional.ofNullable(state.getRule()),
                Optional.ofNullable(state.getSite()));
    }

    private static List<ScanState> toState(Collection<Scan> scans) {
        List<ScanState> states = new ArrayList<>(scans.size());
        for (Scan scan : scans) {
            states.add(toState(scan));
        }
        return states;
    }

    private static InferenceJob toState(InferenceJob job, Study study) {
        return takesAll(job.getScans(), study.usableScans()) ? withScans(job, List.of()) : job;
    }

    private static InferenceJob fromState(InferenceJob job, Collection<Scan> scans) {
        return job.getScans().isEmpty() ? withScans(job, Jobs.scansOf(scans)) : job;
    }

    /** Compares identities, which is enough: a job takes its scans from the study. One that does not match is stored whole. */
    private static boolean takesAll(List<JobScan> taken, List<Scan> usable) {
        if (taken.size() != usable.size()) {
            return false;
        }
        for (int i = 0; i < taken.size(); i++) {
            Scan scan = usable.get(i);
            if (taken.get(i).getScan() != scan.reference()
                    || taken.get(i).getVolume() != scan.volume().orElse(null)) {
                return false;
            }
        }
        return true;
    }

    private static InferenceJob withScans(InferenceJob job, List<JobScan> scans) {
        return new InferenceJob(
                job.getJobId(),
                job.getStudyId(),
                job.getFamily(),
                job.getRevision(),
                job.getTrigger(),
                job.getAttempt(),
                job.getPriority(),
                scans,
                job.getPrevious(),
                job.getQueuedAt(),
                job.getTraceparent(),
                job.getModel(),
                job.getSite());
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
