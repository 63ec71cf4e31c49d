package io.cloe.worker.execution;

import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.Trigger;

/** What a job is worth against others: live studies go first, and interrupt reprocessing between two windows or at its next node. */
public enum PriorityClass {
    /** A study that somebody waits for. */
    LIVE,
    /** A study that is run again for a campaign. */
    REPROCESS;

    static PriorityClass of(InferenceJob job) {
        return job.getTrigger() == Trigger.REPROCESS ? REPROCESS : LIVE;
    }
}
