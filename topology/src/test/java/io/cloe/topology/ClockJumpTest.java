package io.cloe.topology;

import static io.cloe.topology.study.Fixtures.fault;
import static io.cloe.topology.study.Fixtures.replaced;
import static io.cloe.topology.study.Fixtures.scan;
import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyPhase;
import io.cloe.schemas.Trigger;
import io.cloe.topology.study.Counted;
import io.cloe.topology.study.Fixtures;
import io.cloe.topology.study.StudyRules;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The wall clock is set forward or back: a time server's correction, a suspended machine. */
class ClockJumpTest {

    private static final StudyRules RULES = StudyRules.defaults();
    private static final Duration HOURS = Duration.ofHours(5);
    private static final Duration BLINK = Duration.ofMillis(1);

    @TempDir
    Path stateDirectory;

    private StudyDriver topology;

    @BeforeEach
    void start() {
        topology = new StudyDriver(stateDirectory, RULES);
    }

    @AfterEach
    void stop() {
        topology.close();
    }

    @Test
    void shouldRunWaitingStudiesWhenTheClockJumpsForward() {
        topology.send("s", "T1");
        topology.send("t", "T1", "T2");

        topology.clock(HOURS);

        assertThat(topology.executor.jobs())
                .extracting(InferenceJob::getTrigger)
                .containsExactly(Trigger.DEADLINE, Trigger.DEADLINE);
    }

    @Test
    void shouldRunOnceAtTheStoredDeadlineWhenTheClockIsSetBack() {
        topology.send("s", "T1");
        topology.clock(Duration.ofMinutes(10));
        topology.clock(HOURS.negated());
        topology.clock(HOURS.plusMinutes(5).minusMillis(1));
        assertThat(topology.executor.jobs()).isEmpty();

        topology.clock(BLINK);

        topology.finish(topology.executor.onlyJob());
        assertThat(topology.segmentations.readValuesToList()).hasSize(1);
    }

    @Test
    void shouldCountTheTimeoutAnewWhenAScanArrivesAfterTheClockWasSetBack() {
        topology.send("s", "T1");
        topology.clock(HOURS.negated());
        topology.send("s", "T2");

        topology.clock(RULES.timeout());

        assertThat(topology.executor.onlyJob().getScans()).hasSize(2);
    }

    @Test
    void shouldKeepANamedDeadlineWhenTheClockIsSetBack() {
        ScanEvent named = Fixtures.event("s", "T1", 0)
                .setDeadline(Fixtures.START.plusSeconds(3_600))
                .build();
        topology.scans.pipeInput("s", named);
        topology.clock(HOURS.negated());
        topology.send("s", "T2");

        assertThat(topology.state("s").getDeadline()).isEqualTo(Fixtures.START.plusSeconds(3_600));
    }

    @Test
    void shouldSettleAnewWhenAScanArrivesAfterTheClockWasSetBack() {
        complete("s");
        topology.scans.pipeInput("s", replaced("s", "T1", 1));
        topology.clock(HOURS.negated());
        topology.scans.pipeInput("s", replaced("s", "T2", 1));

        topology.clock(RULES.settle());

        topology.finish(topology.executor.onlyJob());
        assertThat(topology.segmentations.readValue().getRevision()).isEqualTo(1);
        assertThat(topology.state("s").getPhase()).isEqualTo(StudyPhase.SEGMENTED);
    }

    @Test
    void shouldRetryOnceWhenTheClockJumpsWhileAStudyWaitsForItsRetry() {
        topology.send("s", "T1", "T1CE", "T2", "FLAIR");
        InferenceJob failed = topology.executor.onlyJob();
        topology.executor.finished(failed);
        topology.results.pipeInput("s", fault(failed, "T1", FailureReason.VOLUME_IO, true, topology.now()));
        topology.clock(HOURS.negated());
        assertThat(topology.executor.jobs()).isEmpty();

        topology.clock(HOURS.plus(HOURS));

        assertThat(topology.executor.onlyJob().getAttempt()).isEqualTo(2);
        topology.finish(topology.executor.onlyJob());
        assertThat(topology.segmentations.readValuesToList()).hasSize(1);
    }

    @Test
    void shouldPublishWhenTheClockIsSetBackWhileAJobRuns() {
        topology.send("s", "T1", "T1CE", "T2", "FLAIR");
        topology.clock(HOURS.negated());
        topology.finish(topology.executor.onlyJob());

        Segmentation result = topology.segmentations.readValue();
        assertThat(result.getTimingsMs().get("total")).isZero();
        assertThat(topology.state("s").getPhase()).isEqualTo(StudyPhase.SEGMENTED);
    }

    @Test
    void shouldForgetNothingEarlyWhenTheClockIsSetBackAndForth() {
        complete("s");
        for (int i = 0; i < 100; i++) {
            topology.clock(HOURS);
            topology.clock(HOURS.negated());
        }
        assertThat(topology.state("s")).isNotNull();

        topology.clock(RULES.retention());

        assertThat(topology.state("s")).isNull();
        assertThat(topology.counted(Counted.STUDY_EXPIRED)).isEqualTo(1);
    }

    private void complete(String studyId) {
        topology.send(studyId, "T1", "T1CE", "T2", "FLAIR");
        topology.finish(topology.executor.onlyJob());
        assertThat(topology.segmentations.readValue().getRevision()).isZero();
    }

    /** Whatever the clock does between the steps, each study ends with one result per revision, and none is stuck. */
    @Property(tries = 50)
    void shouldEndEveryStudyWhenTheClockJumpsAtRandom(
            @ForAll @Size(max = 40) List<@IntRange(min = -6_000, max = 6_000) Integer> jumpsInMinutes) {
        try (StudyDriver jumping = new StudyDriver(temporary(), RULES)) {
            int studies = 0;
            for (int jump : jumpsInMinutes) {
                String studyId = "s" + studies++;
                jumping.scans.pipeInput(studyId, scan(studyId, "T1"));
                jumping.clock(Duration.ofMinutes(jump));
                jumping.executor.jobs().stream().limit(2).forEach(jumping::finish);
            }
            jumping.clock(Duration.ofDays(300));
            jumping.clock(BLINK);
            jumping.executor.jobs().forEach(jumping::finish);

            assertThat(jumping.executor.jobs()).isEmpty();
            assertThat(jumping.segmentations.readValuesToList())
                    .hasSize(studies)
                    .allMatch(result -> result.getRevision() == 0);
        }
    }

    private static Path temporary() {
        try {
            return Files.createTempDirectory("clock");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
