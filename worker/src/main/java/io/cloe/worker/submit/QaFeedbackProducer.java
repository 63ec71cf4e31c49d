package io.cloe.worker.submit;

import io.cloe.schemas.QaFeedback;
import io.cloe.worker.kafka.ClientSettings;
import java.io.IOException;

/** Sends people's verdicts on results, keyed by study. */
public final class QaFeedbackProducer implements AutoCloseable {

    private final AcknowledgedProducer<QaFeedback> producer;

    /** Connects when first used. */
    public QaFeedbackProducer(ClientSettings settings) {
        producer = new AcknowledgedProducer<>(settings, settings.topics().qaFeedback(), QaFeedback.class);
    }

    /**
     * Sends a verdict and waits until the brokers have it.
     *
     * @throws IOException if they do not take it
     */
    public void send(QaFeedback feedback) throws IOException, InterruptedException {
        producer.send(feedback.getStudyId(), feedback);
    }

    @Override
    public void close() {
        producer.close();
    }
}
