package io.cloe.it.bench;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/** When a read_committed consumer, with Kafka's defaults for everything else, is handed each key's first record. */
public final class Sightings implements AutoCloseable {

    private static final Duration POLL = Duration.ofMillis(500);

    private final Map<String, Long> seen = new ConcurrentHashMap<>();
    private final KafkaConsumer<String, byte[]> consumer;
    private final Thread thread;
    private final CountDownLatch reading = new CountDownLatch(1);
    private volatile boolean closed;
    private volatile RuntimeException failure;

    private Sightings(String broker, String topic) {
        consumer = new KafkaConsumer<>(
                Map.of(
                        ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG,
                        broker,
                        ConsumerConfig.ISOLATION_LEVEL_CONFIG,
                        "read_committed"),
                new StringDeserializer(),
                new ByteArrayDeserializer());
        List<TopicPartition> partitions = consumer.partitionsFor(topic).stream()
                .map(partition -> new TopicPartition(topic, partition.partition()))
                .toList();
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
        thread = new Thread(this::read, "sightings-" + topic);
    }

    /** Starts a consumer of all partitions and waits until it reads. */
    public static Sightings of(String broker, String topic) throws InterruptedException {
        Sightings started = new Sightings(broker, topic);
        started.thread.start();
        started.reading.await();
        return started;
    }

    private void read() {
        try {
            while (!closed) {
                for (ConsumerRecord<String, byte[]> record : consumer.poll(POLL)) {
                    seen.putIfAbsent(record.key(), System.nanoTime());
                }
                reading.countDown();
            }
        } catch (RuntimeException e) {
            failure = e;
        } finally {
            reading.countDown();
            consumer.close();
        }
    }

    /** {@link System#nanoTime} when the key's first record was handed out; null if it was not yet. */
    public Long of(String key) {
        if (failure != null) {
            throw new IllegalStateException("the consumer failed", failure);
        }
        return seen.get(key);
    }

    @Override
    public void close() throws InterruptedException {
        closed = true;
        thread.join();
    }
}
