package io.cloe.worker.submit;

import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.worker.kafka.ClientSettings;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/** Sends scan events, keyed by study. */
public final class ScanEventProducer implements AutoCloseable {

    private final Producer<String, ScanEvent> producer;
    private final String topic;

    /** Connects when first used. */
    public ScanEventProducer(ClientSettings settings) {
        Map<String, Object> producerSettings = settings.producer();
        producerSettings.put(ProducerConfig.ACKS_CONFIG, "all");
        // A person waits at the other end: say soon that nobody answers.
        producerSettings.putIfAbsent(ProducerConfig.MAX_BLOCK_MS_CONFIG, 15_000);
        producer = new KafkaProducer<>(producerSettings, new StringSerializer(), RecordSerde.of(ScanEvent.class));
        topic = settings.topics().scanEvents();
    }

    /**
     * Sends an event and waits until the brokers have it.
     *
     * @throws IOException if they do not take it
     */
    public void send(ScanEvent event) throws IOException, InterruptedException {
        try {
            producer.send(new ProducerRecord<>(topic, event.getStudyId(), event))
                    .get();
        } catch (ExecutionException e) {
            throw new IOException(
                    "Kafka does not take the event: " + e.getCause().getMessage(), e.getCause());
        }
    }

    @Override
    public void close() {
        producer.close();
    }
}
