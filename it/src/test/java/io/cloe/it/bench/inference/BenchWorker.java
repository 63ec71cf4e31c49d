package io.cloe.it.bench.inference;

import io.cloe.it.bench.Session;
import io.cloe.it.tools.BrokerProcess;
import io.cloe.it.tools.TestCluster;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.topology.Topics;
import io.cloe.worker.config.InferenceConfig;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.kafka.ClientSettings;
import io.cloe.worker.kafka.WorkerProcess;
import io.cloe.worker.submit.ScanEventProducer;
import io.cloe.worker.submit.ScanEvents;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * A whole worker in this process, with a broker in a process of its own, and a consumer that reads committed results only and keeps no
 * more than the stages' times.
 */
final class BenchWorker implements AutoCloseable {

    private static final Duration PATIENCE = Duration.ofMinutes(10);

    private final BrokerProcess broker;
    private final TestCluster cluster;
    private final WorkerProcess worker;
    private final ScanEventProducer producer;
    private final Consumer<byte[], byte[]> results;
    private final RecordSerde<Segmentation> serde = RecordSerde.of(Segmentation.class);

    private BenchWorker(
            BrokerProcess broker,
            TestCluster cluster,
            WorkerProcess worker,
            ScanEventProducer producer,
            Consumer<byte[], byte[]> results) {
        this.broker = broker;
        this.cluster = cluster;
        this.worker = worker;
        this.producer = producer;
        this.results = results;
    }

    /**
     * Starts it and waits until it runs.
     *
     * @param folder empty folder for everything
     * @param volumes the folder that it may read
     * @param more settings beside those of tests
     */
    static BenchWorker start(
            Session session, String folder, Path bundle, Path volumes, int partitions, Map<String, String> more)
            throws Exception {
        Path root = Files.createDirectories(session.folder().resolve(folder));
        BrokerProcess broker = BrokerProcess.start(Files.createDirectories(root.resolve("kafka")));
        TestCluster cluster = new TestCluster(broker.address());
        Topics topics = cluster.createTopics("", partitions);
        Map<String, String> settings = cluster.workerSettings(root, bundle, volumes);
        // Or equal studies would cost nothing.
        settings.put(InferenceConfig.RESULT_CACHE_ENTRIES, "0");
        settings.put(InferenceConfig.RESULT_CACHE_MIB, "0");
        settings.putAll(more);
        WorkerProcess worker = WorkerProcess.start(WorkerConfig.of(settings));
        if (!worker.awaitRunning(PATIENCE)) {
            throw new IllegalStateException("the worker does not run");
        }
        Consumer<byte[], byte[]> results = new KafkaConsumer<>(
                Map.of(
                        ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG,
                        broker.address(),
                        ConsumerConfig.ISOLATION_LEVEL_CONFIG,
                        "read_committed"),
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer());
        List<TopicPartition> all = results.partitionsFor(topics.segmentations()).stream()
                .map(one -> new TopicPartition(one.topic(), one.partition()))
                .toList();
        results.assign(all);
        results.seekToBeginning(all);
        return new BenchWorker(broker, cluster, worker, new ScanEventProducer(cluster.clients("")), results);
    }

    /** Announces a study that is complete with these volumes. */
    void submit(String studyId, Map<String, Path> volumes) throws Exception {
        List<String> expected = List.copyOf(volumes.keySet());
        for (Map.Entry<String, Path> volume : volumes.entrySet()) {
            ScanEvent event = ScanEvents.available(studyId, volume.getKey(), volume.getValue(), 0, Instant.now())
                    .setExpectedModalities(expected)
                    .build();
            producer.send(event);
        }
    }

    /**
     * Waits until so many more results are visible.
     *
     * @return milliseconds of each stage, all these results together
     */
    Map<String, Long> awaitResults(int count) {
        long end = System.nanoTime() + PATIENCE.toNanos();
        Map<String, Long> stages = new TreeMap<>();
        int seen = 0;
        while (seen < count) {
            if (System.nanoTime() > end) {
                throw new IllegalStateException("only " + seen + " of " + count + " results came");
            }
            for (ConsumerRecord<byte[], byte[]> result : results.poll(Duration.ofMillis(50))) {
                seen++;
                serde.deserializer()
                        .deserialize(result.topic(), result.value())
                        .getTimingsMs()
                        .forEach((stage, millis) -> stages.merge(stage, millis, Long::sum));
            }
        }
        return stages;
    }

    /** The broker's host:port. */
    String address() {
        return broker.address();
    }

    /** Clients of its topics. */
    ClientSettings clients() {
        return cluster.clients("");
    }

    @Override
    public void close() {
        producer.close();
        results.close();
        worker.close();
        cluster.close();
        broker.close();
    }
}
