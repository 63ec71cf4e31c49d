package io.cloe.topology.study;

/** Why a study stands where it stands. Names are part of the contract of the status topic. */
public enum StatusReason {
    /** Waits for further scans until its deadline. */
    WAITING_FOR_SCANS,
    /** Its deadline passed, but required modalities are missing and the rule says wait. */
    WAITING_FOR_REQUIRED,
    /** All expected modalities are here. */
    ALL_EXPECTED_HERE,
    /** Its deadline passed. */
    DEADLINE_PASSED,
    /** An operator forced it. */
    FORCED_BY_OPERATOR,
    /** Scans changed after a result; collects further changes for a moment. */
    SETTLING,
    /** Scans changed after a result; a new revision runs. */
    SCANS_CHANGED,
    /** The last attempt failed; waits for the next one. */
    WAITING_FOR_RETRY,
    /** A volume could not be used; runs with the rest. */
    RUNNING_WITH_THE_REST,
    /** Its result is published. */
    RESULT_PUBLISHED,
    /** All its scans were retracted. */
    ALL_SCANS_RETRACTED,
    /** None of its scans could be used. */
    NO_USABLE_SCAN,
    /** The job failed for a reason that a retry does not cure. */
    JOB_FAILED,
    /** Its deadline passed without the required modalities, and the rule says discard. */
    REQUIRED_MISSING,
    /** An operator holds it. */
    HELD_BY_OPERATOR,
    /** An operator cancelled it. */
    CANCELLED_BY_OPERATOR
}
