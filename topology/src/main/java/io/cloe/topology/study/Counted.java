package io.cloe.topology.study;

/** Things worth counting that leave no other trace. */
public enum Counted {
    /** The same event, or the same content, came again. */
    DUPLICATE_SCAN,
    /** An older revision came after a newer one. */
    OUTDATED_SCAN,
    /** An event was refused. */
    REFUSED_EVENT,
    /** An event or command is not in the partition of its key; see KeyPlacement. */
    MISPLACED_KEY,
    /** A record without a value. */
    EMPTY_RECORD,
    /** A result for a job that is no longer wanted. */
    STALE_RESULT,
    /** A timer that the study no longer waits for. */
    STALE_TIMER,
    /** A command for a study that is not known, or that makes no sense in its phase. */
    IGNORED_COMMAND,
    /** A study was closed at its deadline. */
    DEADLINE_REACHED,
    /** A result was published. */
    RESULT_PUBLISHED,
    /** A job will be tried again. */
    JOB_RETRIED,
    /** A study failed. */
    STUDY_FAILED,
    /** A closed study's state was forgotten. */
    STUDY_EXPIRED
}
