package io.cloe.worker.submit;

import io.cloe.worker.kafka.ClientSettings;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/** Sends records of one type, each keyed by its study, and waits for the brokers each time. */
final class AcknowledgedProducer<T extends SpecificRecord> implements AutoCloseable {

    private final Producer<String, T> producer;
    private final String topic;

    AcknowledgedProducer(ClientSettings settings, String topic, Class<T> type) {
        Map<String, Object> producerSettings = settings.producer();
        producerSettings.put(ProducerConfig.ACKS_CONFIG, "all");
        // A person waits at the other end: say soon that nobody answers.
        producerSettings.putIfAbsent(ProducerConfig.MAX_BLOCK_MS_CONFIG, 15_000);
        this.producer = new KafkaProducer<>(
                producerSettings,
                new StringSerializer(),
                settings.records().of(type).serializer());
        this.topic = topic;
    }

    void send(String studyId, T record) throws IOException, InterruptedException {
        try {
            producer.send(new ProducerRecord<>(topic, studyId, record)).get();
        } catch (ExecutionException e) {
            throw new IOException(
                    "Kafka does not take the record: " + e.getCause().getMessage(), e.getCause());
        }
    }

    @Override
    public void close() {
        producer.close();
    }
}
