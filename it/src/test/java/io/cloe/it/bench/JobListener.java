package io.cloe.it.bench;

import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.TaskClaim;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.topology.InferenceExecutor;
import java.util.Map;
import java.util.UUID;
import java.util.function.Consumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/** An executor that claims its tasks as the real one does, and only tells of the jobs that it is given. */
final class JobListener implements InferenceExecutor, AutoCloseable {

    private final Producer<String, InferenceResult> producer;
    private final String topic;
    private final Consumer<InferenceJob> jobs;

    /**
     * A listener for a topology.
     *
     * @param broker host:port
     * @param topic the topology's topic of results
     * @param jobs told of each job, by the stream thread
     */
    JobListener(String broker, String topic, Consumer<InferenceJob> jobs) {
        this.producer = new KafkaProducer<>(
                Map.of(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, broker),
                new StringSerializer(),
                RecordSerde.of(InferenceResult.class));
        this.topic = topic;
        this.jobs = jobs;
    }

    @Override
    public Lease open(int partition) {
        TaskClaim claim = new TaskClaim(UUID.randomUUID().toString());
        producer.send(new ProducerRecord<>(topic, partition, "", new InferenceResult("", "", claim)));
        return new Lease() {
            @Override
            public void submit(InferenceJob job) {
                jobs.accept(job);
            }

            @Override
            public void cancel(String jobId) {
                // Nothing runs.
            }

            @Override
            public void close() {
                // Nothing runs.
            }
        };
    }

    @Override
    public void close() {
        producer.close();
    }
}
