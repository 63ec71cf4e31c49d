package io.cloe.worker.kafka;

import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.TaskClaim;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.worker.execution.ResultSender;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends results with a plain idempotent producer. Not transactional on purpose: duplicates are told apart by job id anyway, and
 * an open transaction would delay the result.
 */
public final class KafkaResultSender implements ResultSender, AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(KafkaResultSender.class);
    private static final Duration PAUSE = Duration.ofSeconds(1);

    private final Producer<String, InferenceResult> producer;
    private final String topic;
    // A send may block while the cluster's metadata is unknown; stream threads and stages must not.
    private final ScheduledExecutorService thread = new ScheduledThreadPoolExecutor(
            1, task -> new Thread(task, "cloe-result-sender"), new ThreadPoolExecutor.DiscardPolicy());

    /** Sends to the topic that the settings name. */
    public KafkaResultSender(ClientSettings settings) {
        this(producer(settings), settings.topics().inferenceResults());
    }

    KafkaResultSender(Producer<String, InferenceResult> producer, String topic) {
        this.producer = producer;
        this.topic = topic;
    }

    private static Producer<String, InferenceResult> producer(ClientSettings settings) {
        Map<String, Object> producerSettings = settings.producer();
        producerSettings.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
        producerSettings.put(ProducerConfig.ACKS_CONFIG, "all");
        // A finished result must outlive a broker outage.
        producerSettings.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, Integer.MAX_VALUE);
        producerSettings.put(ProducerConfig.LINGER_MS_CONFIG, 0);
        return new KafkaProducer<>(producerSettings, new StringSerializer(), RecordSerde.of(InferenceResult.class));
    }

    @Override
    public void send(int partition, InferenceResult result) {
        enqueue(new ProducerRecord<>(topic, partition, result.getStudyId(), result));
    }

    @Override
    public void claim(int partition) {
        TaskClaim claim = new TaskClaim(UUID.randomUUID().toString());
        enqueue(new ProducerRecord<>(topic, partition, "", new InferenceResult("", "", claim)));
    }

    private void enqueue(ProducerRecord<String, InferenceResult> record) {
        thread.execute(() -> deliver(record));
    }

    /** Tries until it worked or the process ends; a result that is lost with the process is computed again. */
    private void deliver(ProducerRecord<String, InferenceResult> record) {
        try {
            producer.send(record, (metadata, failure) -> {
                if (failure != null) {
                    deliverLater(record, failure);
                }
            });
        } catch (RuntimeException e) {
            // Of any kind: what a scheduled task throws is seen by nobody, and the study would wait without end.
            deliverLater(record, e);
        }
    }

    /** After a pause: a record that is refused at once would otherwise come round without end. */
    private void deliverLater(ProducerRecord<String, InferenceResult> record, Exception failure) {
        LOG.warn("a result is not delivered yet: {}", failure.getClass().getSimpleName());
        thread.schedule(() -> deliver(record), PAUSE.toMillis(), TimeUnit.MILLISECONDS);
    }

    @Override
    public void close() {
        thread.shutdownNow();
        producer.close(Duration.ofSeconds(5));
    }
}
