package io.cloe.worker.submit;

import io.cloe.schemas.ScanEvent;
import io.cloe.worker.kafka.ClientSettings;
import java.io.IOException;

/** Sends scan events, keyed by study. */
public final class ScanEventProducer implements AutoCloseable {

    private final AcknowledgedProducer<ScanEvent> producer;

    /** Connects when first used. */
    public ScanEventProducer(ClientSettings settings) {
        producer = new AcknowledgedProducer<>(settings, settings.topics().scanEvents(), ScanEvent.class);
    }

    /**
     * Sends an event and waits until the brokers have it.
     *
     * @throws IOException if they do not take it
     */
    public void send(ScanEvent event) throws IOException, InterruptedException {
        producer.send(event.getStudyId(), event);
    }

    @Override
    public void close() {
        producer.close();
    }
}
