package io.cloe.it.matrix;

import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.topology.matrix.Situation;
import io.cloe.topology.study.Fixtures;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/** Sends scan events, and other studies' in the background where that is asked for. */
final class Scans implements AutoCloseable {

    private static final long BACKGROUND_PAUSE_MILLIS = 20;

    private final String topic;
    private final Producer<String, ScanEvent> producer;
    private final ScheduledExecutorService background = Executors.newSingleThreadScheduledExecutor();
    private int backgroundSent;

    Scans(Site site) {
        topic = site.topics().scanEvents();
        producer = new KafkaProducer<>(
                Map.of(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, site.broker(), ProducerConfig.ACKS_CONFIG, "all"),
                new StringSerializer(),
                RecordSerde.of(ScanEvent.class));
    }

    void send(Situation situation, String studyId, String modality) {
        situation.arrivals(studyId, modality).forEach(this::send);
    }

    private void send(ScanEvent event) {
        producer.send(new ProducerRecord<>(topic, event.getStudyId(), event));
    }

    /** Waits until the broker has all that was sent. */
    void flush() {
        producer.flush();
    }

    /** From now on complete studies pass by, 50 scans a second. */
    void startBackground() {
        background.scheduleAtFixedRate(this::sendOther, 0, BACKGROUND_PAUSE_MILLIS, TimeUnit.MILLISECONDS);
    }

    private void sendOther() {
        int modalities = Fixtures.MODALITIES.size();
        String studyId = "other-" + backgroundSent / modalities;
        send(Fixtures.scan(studyId, Fixtures.MODALITIES.get(backgroundSent % modalities)));
        backgroundSent++;
    }

    void stopBackground() throws InterruptedException {
        background.shutdown();
        background.awaitTermination(10, TimeUnit.SECONDS);
        producer.flush();
    }

    @Override
    public void close() {
        background.shutdownNow();
        producer.close();
    }
}
