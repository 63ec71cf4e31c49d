package io.cloe.topology.study;

import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyFailure;
import io.cloe.schemas.StudyStatus;
import io.cloe.schemas.StudyTimer;
import java.util.List;
import java.util.Optional;

/**
 * What one input does to a study. Timers and jobs follow from the two states: whatever the new one waits for is armed, whatever
 * only the old one waited for is dropped.
 *
 * @param before the study as it was; empty for an unknown one
 * @param after the study as it is now; empty when nothing is kept of it
 * @param publication a result to publish
 * @param status a status to publish
 * @param failures failures to publish
 * @param counted what to count
 */
public record Transition(
        Optional<Study> before,
        Optional<Study> after,
        Optional<Publication> publication,
        Optional<StudyStatus> status,
        List<StudyFailure> failures,
        List<Counted> counted) {

    /**
     * The two records of a result; they are committed together.
     *
     * @param segmentation the result
     * @param gatingWeights its weights
     */
    public record Publication(Segmentation segmentation, GatingWeights gatingWeights) {}

    /** Nothing changes but a counter. */
    static Transition ignored(Optional<Study> study, Counted counted) {
        return new Transition(study, study, Optional.empty(), Optional.empty(), List.of(), List.of(counted));
    }

    /** Whether the stored study must be written or deleted. */
    public boolean changesStudy() {
        return !before.equals(after);
    }

    /** The stored timer to delete. */
    public Optional<StudyTimer> timerToDrop() {
        return timerOf(before).filter(timer -> !timerOf(after).equals(Optional.of(timer)));
    }

    /** The timer to store. */
    public Optional<StudyTimer> timerToArm() {
        return timerOf(after).filter(timer -> !timerOf(before).equals(Optional.of(timer)));
    }

    /** The pending job to delete: it ended, or it is no longer wanted. */
    public Optional<InferenceJob> jobToDrop() {
        return jobOf(before).filter(job -> !sameJob(jobOf(after), job));
    }

    /** The job to store as pending and to hand to the executor. */
    public Optional<InferenceJob> jobToQueue() {
        return jobOf(after).filter(job -> !sameJob(jobOf(before), job));
    }

    private static Optional<StudyTimer> timerOf(Optional<Study> study) {
        return study.flatMap(Study::timer);
    }

    private static Optional<InferenceJob> jobOf(Optional<Study> study) {
        return study.flatMap(Study::runningJob);
    }

    private static boolean sameJob(Optional<InferenceJob> one, InferenceJob other) {
        return one.map(job -> job.getJobId().equals(other.getJobId())).orElse(false);
    }
}
