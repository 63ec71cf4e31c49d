package io.cloe.topology.study;

import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.StudyTimer;
import java.util.Optional;

/**
 * What tells two states of a study apart. Timers and jobs follow from the two: whatever the later one waits for is armed, whatever only
 * the former one waited for is dropped.
 *
 * @param before the study as it was; empty for an unknown one
 * @param after the study as it is now; empty when nothing is kept of it
 */
public record Difference(Optional<Study> before, Optional<Study> after) {

    /** Whether the stored study must be written or deleted. */
    public boolean changesStudy() {
        return !before.equals(after);
    }

    /** The stored timer to delete. */
    public Optional<StudyTimer> timerToDrop() {
        return timerOf(before).filter(timer -> !sameTimer(timerOf(after), timer));
    }

    /** The timer to store. */
    public Optional<StudyTimer> timerToArm() {
        return timerOf(after).filter(timer -> !sameTimer(timerOf(before), timer));
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

    /** Not with the record's own equals, which goes through its schema: this is asked for every event. */
    private static boolean sameTimer(Optional<StudyTimer> one, StudyTimer other) {
        return one.map(timer ->
                        timer.getKind() == other.getKind() && timer.getDue().equals(other.getDue()))
                .orElse(false);
    }

    private static boolean sameJob(Optional<InferenceJob> one, InferenceJob other) {
        return one.map(job -> job.getJobId().equals(other.getJobId())).orElse(false);
    }
}
