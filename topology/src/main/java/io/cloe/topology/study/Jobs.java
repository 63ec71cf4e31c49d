package io.cloe.topology.study;

import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.JobScan;
import io.cloe.schemas.PreviousResult;
import io.cloe.schemas.PublishedResult;
import io.cloe.schemas.Trigger;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.UUID;

/** Makes the jobs of a study. */
final class Jobs {

    private Jobs() {}

    /** A job for all scans that are usable now. */
    static InferenceJob first(Study study, Trigger trigger, Instant now) {
        List<JobScan> scans = scansOf(study.scans().values());
        return new InferenceJob(
                id(study, trigger, 1, scans),
                study.id(),
                study.family(),
                study.current().map(result -> result.getRevision() + 1).orElse(0),
                trigger,
                1,
                study.priority(),
                scans,
                study.current().map(Jobs::previous).orElse(null),
                now,
                study.traceparent().orElse(null),
                null,
                study.site().orElse(null));
    }

    /** What a job takes of the given scans: the usable ones, in their order. */
    static List<JobScan> scansOf(Collection<Scan> scans) {
        List<JobScan> taken = new ArrayList<>(scans.size());
        for (Scan scan : scans) {
            if (scan.usable()) {
                taken.add(new JobScan(scan.reference(), scan.volume().orElseThrow()));
            }
        }
        return Collections.unmodifiableList(taken);
    }

    /** The same once more, under a new id: a late result of the failed attempt must not count for the next one. */
    static InferenceJob next(Study study, InferenceJob failed) {
        int attempt = failed.getAttempt() + 1;
        return new InferenceJob(
                id(study, failed.getTrigger(), attempt, failed.getScans()),
                failed.getStudyId(),
                failed.getFamily(),
                failed.getRevision(),
                failed.getTrigger(),
                attempt,
                failed.getPriority(),
                failed.getScans(),
                failed.getPrevious(),
                failed.getQueuedAt(),
                failed.getTraceparent(),
                failed.getModel(),
                failed.getSite());
    }

    static PreviousResult previous(PublishedResult result) {
        return new PreviousResult(result.getRevision(), result.getMask(), result.getWeights());
    }

    /**
     * Names a job by what it is, so that a job of an aborted transaction and the one that takes its place are the same job
     * only if they do the same.
     */
    private static String id(Study study, Trigger trigger, int attempt, List<JobScan> scans) {
        StringBuilder seed = new StringBuilder(study.id())
                .append('\n')
                .append(study.jobsStarted())
                .append('\n')
                .append(trigger)
                .append('\n')
                .append(attempt);
        scans.forEach(scan -> seed.append('\n')
                .append(scan.getScan().getModality())
                .append('\n')
                .append(scan.getScan().getEventId()));
        return UUID.nameUUIDFromBytes(seed.toString().getBytes(StandardCharsets.UTF_8))
                .toString();
    }
}
