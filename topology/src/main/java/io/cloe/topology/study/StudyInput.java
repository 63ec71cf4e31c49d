package io.cloe.topology.study;

import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceOutcome;
import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.StudyCommand;
import io.cloe.schemas.StudyTimer;
import io.cloe.schemas.Trigger;

/** What can happen to a study. */
public sealed interface StudyInput {

    /**
     * A scan event arrived.
     *
     * @param event the event, checked by {@link ScanEventCheck}
     * @param traceparent W3C trace context of the event, or null
     */
    record ScanArrived(ScanEvent event, String traceparent) implements StudyInput {}

    /**
     * An operator gave a command.
     *
     * @param command the command
     */
    record CommandGiven(StudyCommand command) implements StudyInput {}

    /**
     * A job ended.
     *
     * @param result outcome or faults, never a claim
     */
    record JobEnded(InferenceResult result) implements StudyInput {}

    /**
     * A campaign ran a model on the study.
     *
     * @param job what it ran; its previous result is the one that it may supersede
     * @param outcome what came of it
     * @param decision why that previous result was segmented; null if that is not known
     */
    record Reprocessed(InferenceJob job, InferenceOutcome outcome, Trigger decision) implements StudyInput {}

    /**
     * A stored timer is due.
     *
     * @param timer the timer as it was stored
     */
    record TimerDue(StudyTimer timer) implements StudyInput {}
}
