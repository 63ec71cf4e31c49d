package io.cloe.it.bench;

import io.cloe.it.tools.BrokerProcess;
import io.cloe.it.tools.TestCluster;
import io.cloe.it.tools.TransactionLog;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.topology.Topics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * The worker's topology on a broker of its own, with studies that wait and studies whose deadline was dropped because they were
 * complete before it. Once it has started, nothing more is sent to it.
 */
public final class IdleTopology implements AutoCloseable {

    private static final String GROUP = "idle";
    private static final Duration FAR = Duration.ofHours(1);

    private final Path data;
    private final BrokerProcess broker;
    private final TestCluster cluster;
    private final JobListener executor;
    private final RunningStreams streams;

    /**
     * Starts it, and waits until it has committed all that it was sent.
     *
     * @param folder empty folder
     * @param studies of either kind
     * @param dropped how soon the dropped deadlines would have been
     */
    public IdleTopology(Path folder, int studies, Duration dropped, long seed) throws Exception {
        Path kafka = Files.createDirectory(folder.resolve("kafka"));
        data = kafka.resolve("data");
        broker = BrokerProcess.start(kafka);
        cluster = new TestCluster(broker.address());
        Topics topics = cluster.createTopics("", 2);
        CountDownLatch complete = new CountDownLatch(studies);
        executor = new JobListener(broker.address(), topics.inferenceResults(), job -> complete.countDown());
        streams = RunningStreams.start(
                StudyStreams.topology(topics, executor),
                StudyStreams.settings(broker.address(), GROUP, folder.resolve("states")));
        send(topics.scanEvents(), studies, dropped, new Random(seed));
        streams.await(complete);
        cluster.awaitCaughtUp(GROUP, topics);
    }

    private void send(String topic, int studies, Duration dropped, Random random) {
        try (Producer<String, ScanEvent> producer = new KafkaProducer<>(
                Map.of(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, broker.address()),
                new StringSerializer(),
                RecordSerde.of(ScanEvent.class))) {
            Instant now = Instant.now();
            for (int i = 0; i < studies; i++) {
                ScanEvent waits = StudyEvents.event("waits-" + i, "T1", now, random)
                        .setDeadline(now.plus(FAR))
                        .build();
                producer.send(new ProducerRecord<>(topic, waits.getStudyId(), waits));
                for (String modality : List.of("T1", "T2")) {
                    ScanEvent complete = StudyEvents.event("complete-" + i, modality, now, random)
                            .setDeadline(now.plus(dropped))
                            .setExpectedModalities(List.of("T1", "T2"))
                            .build();
                    producer.send(new ProducerRecord<>(topic, complete.getStudyId(), complete));
                }
            }
        }
    }

    /** Transactions that have ended on the broker since it started. */
    public int transactions() throws IOException {
        Set<TransactionLog.Transaction> ended = new HashSet<>();
        List<String> partitions;
        try (Stream<Path> folders = Files.list(data)) {
            partitions = folders.filter(Files::isDirectory)
                    .map(folder -> folder.getFileName().toString())
                    .toList();
        }
        for (String partition : partitions) {
            ended.addAll(TransactionLog.of(data, partition).ended());
        }
        return ended.size();
    }

    @Override
    public void close() {
        streams.close();
        executor.close();
        cluster.close();
        broker.close();
    }
}
