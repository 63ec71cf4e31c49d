package io.cloe.worker.execution;

import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.JobScan;
import io.cloe.schemas.ScanReference;
import io.cloe.schemas.Trigger;
import io.cloe.schemas.VolumeReference;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;

/** Jobs for the tiny bundle's family. */
final class Jobs {

    static final Instant QUEUED = Instant.parse("2026-01-05T08:00:00Z");
    private static final AtomicInteger NUMBER = new AtomicInteger();

    private Jobs() {}

    /** A job that was queued a second after the one made before it. */
    static InferenceJob.Builder of(String studyId, Map<String, VolumeReference> volumes) {
        int number = NUMBER.incrementAndGet();
        return InferenceJob.newBuilder()
                .setJobId("job-" + number)
                .setStudyId(studyId)
                .setFamily("test-family")
                .setRevision(0)
                .setTrigger(Trigger.COMPLETE)
                .setAttempt(1)
                .setPriority(0)
                .setScans(scans(volumes))
                .setQueuedAt(QUEUED.plusSeconds(number));
    }

    private static List<JobScan> scans(Map<String, VolumeReference> volumes) {
        return new TreeMap<>(volumes)
                .entrySet().stream()
                        .map(entry -> new JobScan(
                                new ScanReference(entry.getKey(), "event-" + entry.getKey(), 0), entry.getValue()))
                        .toList();
    }
}
