package io.cloe.worker.admin;

import io.cloe.schemas.QaFeedback;
import java.io.IOException;

/** Where verdicts go. */
interface FeedbackSink {

    /**
     * Hands a verdict on and waits until it is safe.
     *
     * @throws IOException if it is not taken
     */
    void send(QaFeedback feedback) throws IOException, InterruptedException;
}
