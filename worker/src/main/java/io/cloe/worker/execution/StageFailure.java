package io.cloe.worker.execution;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.InferenceFault;
import io.cloe.worker.inference.EngineException;
import java.util.List;
import java.util.Optional;

/**
 * What becomes of a job whose stage failed.
 *
 * @param faults what is reported, with whether it may be tried again
 * @param words for the log, without patient data; empty if the faults say it all
 */
record StageFailure(List<InferenceFault> faults, Optional<String> words) {

    /**
     * Decides.
     *
     * @param failure what the stage threw; a cancelled run is no failure
     */
    static StageFailure of(Throwable failure) {
        if (failure instanceof JobFaultException job) {
            return new StageFailure(job.faults(), Optional.empty());
        }
        if (failure instanceof EngineException engine) {
            boolean permanent =
                    switch (engine.kind()) {
                        case STUDY_TOO_LARGE, INVALID_INPUT -> true;
                        default -> false;
                    };
            return ofJob(engine.reason(), !permanent, "failed: " + engine.kind() + " " + engine.getMessage());
        }
        if (failure instanceof OutOfMemoryError) {
            return ofJob(FailureReason.OUT_OF_MEMORY, true, "ran out of heap");
        }
        // The message may quote data; the stack does not.
        return ofJob(FailureReason.ENGINE_ERROR, true, "failed: " + StackOnly.of(failure));
    }

    private static StageFailure ofJob(FailureReason reason, boolean retriable, String words) {
        return new StageFailure(List.of(new InferenceFault(null, reason, retriable)), Optional.of(words));
    }
}
