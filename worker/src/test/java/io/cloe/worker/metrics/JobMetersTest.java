package io.cloe.worker.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.InferenceFault;
import io.cloe.schemas.InferenceFaults;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceOutcome;
import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.MaskReference;
import io.cloe.schemas.ModalityGating;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.Trigger;
import io.cloe.topology.InferenceExecutor;
import io.cloe.worker.execution.ResultSender;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class JobMetersTest {

    private static final Instant NOW = Instant.parse("2026-01-05T08:00:00Z");

    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final JobMeters meters = new JobMeters(registry, Clock.fixed(NOW, ZoneOffset.UTC), List.of("north"));
    private final List<String> submitted = new ArrayList<>();
    private final List<InferenceResult> sent = new ArrayList<>();
    private final InferenceExecutor executor = meters.around((InferenceExecutor) partition -> new RecordingLease());
    private final ResultSender sender = meters.around(new RecordingSender());

    private final class RecordingLease implements InferenceExecutor.Lease {
        @Override
        public void submit(InferenceJob job) {
            submitted.add(job.getJobId());
        }

        @Override
        public void cancel(String jobId) {
            submitted.remove(jobId);
        }

        @Override
        public void close() {
            submitted.clear();
        }
    }

    private final class RecordingSender implements ResultSender {
        @Override
        public void send(int partition, InferenceResult result) {
            sent.add(result);
        }

        @Override
        public void claim(int partition) {
            // Nothing is measured of it.
        }
    }

    private static InferenceJob job(String id, long secondsAgo) {
        return job(id, secondsAgo, null);
    }

    private static InferenceJob job(String id, long secondsAgo, String site) {
        return InferenceJob.newBuilder()
                .setJobId(id)
                .setStudyId("study")
                .setFamily("brain-glioma")
                .setRevision(0)
                .setTrigger(Trigger.DEADLINE)
                .setAttempt(1)
                .setPriority(0)
                .setScans(List.of())
                .setQueuedAt(NOW.minusSeconds(secondsAgo))
                .setSite(site)
                .build();
    }

    private static InferenceResult outcome(String jobId) {
        return new InferenceResult(
                jobId,
                "study",
                InferenceOutcome.newBuilder()
                        .setModel(new ModelReference("brain-glioma", "cloe", "1", "ab"))
                        .setMask(MaskReference.newBuilder()
                                .setUri("file:///m")
                                .setSha256("00")
                                .setSizeBytes(1)
                                .setLabelScheme("x")
                                .setDims(List.of())
                                .setAffine(List.of())
                                .build())
                        .setVolumesMl(Map.of())
                        .setGating(List.of(
                                new ModalityGating("T2", 0.5, 0.0, null, null, null, null),
                                new ModalityGating("FLAIR", 0.5, 0.0, 0.8, -0.2, null, null)))
                        .setGateActed(false)
                        .setFlags(List.of("SMALL_REGION"))
                        .setTimingsMs(Map.of("infer", 2_000L, "decode", 100L))
                        .setInputDigest("d")
                        .setFinishedAt(NOW)
                        .build());
    }

    private double gauge(String name) {
        return registry.get(name).gauge().value();
    }

    @Test
    void shouldTellTheBacklogAndItsAgeWhenJobsWait() {
        InferenceExecutor.Lease lease = executor.open(0);
        assertThat(gauge("cloe.backlog.jobs")).isZero();
        assertThat(gauge("cloe.backlog.oldest.age")).isZero();
        lease.submit(job("a", 90));
        lease.submit(job("b", 10));
        lease.submit(job("from-a-clock-ahead", -10));

        assertThat(submitted).containsExactly("a", "b", "from-a-clock-ahead");
        assertThat(gauge("cloe.backlog.jobs")).isEqualTo(3);
        assertThat(gauge("cloe.backlog.oldest.age")).isEqualTo(90);

        sender.send(0, outcome("a"));
        lease.cancel("from-a-clock-ahead");

        assertThat(sent).hasSize(1);
        assertThat(gauge("cloe.backlog.jobs")).isEqualTo(1);
        assertThat(gauge("cloe.backlog.oldest.age")).isEqualTo(10);
    }

    @Test
    void shouldForgetOnlyALeasesOwnJobsWhenItCloses() {
        InferenceExecutor.Lease former = executor.open(0);
        InferenceExecutor.Lease other = executor.open(1);
        former.submit(job("a", 1));
        former.submit(job("moved", 1));
        other.submit(job("b", 1));
        InferenceExecutor.Lease next = executor.open(0);
        next.submit(job("moved", 1));

        former.close();

        assertThat(gauge("cloe.backlog.jobs")).isEqualTo(2);
    }

    @Test
    void shouldMeasureStagesSubsetsAndWeightsWhenAJobIsDone() {
        executor.open(0).submit(job("a", 1));
        sender.send(0, outcome("a"));

        assertThat(registry.get("cloe.stage").tag("stage", "decode").timer().count())
                .isEqualTo(1);
        assertThat(registry.get("cloe.results")
                        .tags("modalities", "FLAIR+T2", "trigger", "DEADLINE", "family", "brain-glioma")
                        .counter()
                        .count())
                .isEqualTo(1);
        assertThat(registry.get("cloe.flags")
                        .tag("flag", "SMALL_REGION")
                        .counter()
                        .count())
                .isEqualTo(1);
        assertThat(registry.get("cloe.gate.weight")
                        .tag("modality", "T2")
                        .summary()
                        .mean())
                .isEqualTo(0.5);
        assertThat(registry.get("cloe.consistency.regional").summary().max()).isZero();
        assertThat(registry.find("cloe.consistency.global")
                        .tag("modality", "T2")
                        .summary())
                .as("undefined is not 0")
                .isNull();
    }

    @Test
    void shouldTellWeightsOfASiteApartOnlyWhenTheConfigurationNamesIt() {
        InferenceExecutor.Lease lease = executor.open(0);
        lease.submit(job("a", 1, "north"));
        lease.submit(job("b", 1, "anything a sender likes"));
        lease.submit(job("c", 1));

        List.of("a", "b", "c").forEach(job -> sender.send(0, outcome(job)));

        assertThat(registry.find("cloe.gate.weight").tag("modality", "T2").summaries())
                .extracting(summary -> summary.getId().getTag("site") + " " + summary.count())
                .containsExactlyInAnyOrder("north 1", "other 2");
    }

    @Test
    void shouldCountFaultsByReasonWhenAJobFails() {
        sender.send(
                0,
                new InferenceResult(
                        "a",
                        "study",
                        new InferenceFaults(
                                List.of(new InferenceFault("T1", FailureReason.VOLUME_NOT_FOUND, true)), NOW)));

        assertThat(registry.get("cloe.failures")
                        .tags("reason", "VOLUME_NOT_FOUND", "retriable", "true")
                        .counter()
                        .count())
                .isEqualTo(1);
    }
}
