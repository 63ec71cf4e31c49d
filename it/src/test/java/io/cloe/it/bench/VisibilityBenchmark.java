package io.cloe.it.bench;

import io.cloe.it.bench.HeldExecutor.HeldJob;
import io.cloe.it.tools.BrokerProcess;
import io.cloe.it.tools.TestCluster;
import io.cloe.it.tools.Waiting;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.topology.Topics;
import io.cloe.topology.study.Fixtures;
import io.cloe.worker.kafka.KafkaResultSender;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;
import picocli.CommandLine.Option;

/**
 * How long a result is on its way: from the moment the executor reports it, its mask being stored, until a read_committed consumer is
 * handed its segmentation. The topology, its settings and the sender are the worker's; only the inference is left out. The peer is the least
 * that Kafka can do: a producer with defaults writes a record of the same size in a transaction of its own. Rounds of both alternate, and
 * a sample never waits for the one before it.
 */
final class VisibilityBenchmark implements Benchmark {

    private static final double TARGET_P50_MS = 50;
    private static final double TARGET_P99_MS = 150;
    private static final int PARTITIONS = 4;
    private static final int ROUNDS = 5;
    private static final int WARM_UP = 200;
    private static final double LATE_MS = 20;
    private static final String APPLICATION = "visibility";
    private static final String PEER = "plain-transactions";
    /** About what a segmentation takes. */
    private static final int PEER_BYTES = 700;

    private static final String ROW = "%-28s %8s %8s %8s %8s %8s %14s%n";

    @Option(names = "--results", description = "Results measured. Default: ${DEFAULT-VALUE}.")
    private int results = 1_000;

    @Option(names = "--gap", description = "Mean milliseconds from one result to the next. Default: ${DEFAULT-VALUE}.")
    private int gap = 60;

    private final Queue<HeldJob> held = new ConcurrentLinkedQueue<>();
    private Random random;
    private PrintWriter out;
    private int lateStarts;
    private double latestStart;

    @Override
    public String name() {
        return "visibility";
    }

    @Override
    public String measures() {
        return "from a result's report to a read_committed consumer (milliseconds, p99; p50 has a target too)";
    }

    @Override
    public Figure run(Session session) throws Exception {
        out = session.out();
        random = new Random(session.seed());
        try (BrokerProcess broker = BrokerProcess.start(
                        Files.createDirectory(session.folder().resolve("kafka")));
                TestCluster cluster = new TestCluster(broker.address())) {
            Topics topics = cluster.createTopics("", PARTITIONS);
            cluster.admin()
                    .createTopics(List.of(new NewTopic(PEER, PARTITIONS, (short) 1)))
                    .all()
                    .get();
            CountDownLatch queued = new CountDownLatch(results + WARM_UP);
            try (KafkaResultSender sender = new KafkaResultSender(cluster.clients(""));
                    RunningStreams streams = RunningStreams.start(
                            StudyStreams.topology(topics, new HeldExecutor(sender, job -> {
                                held.add(job);
                                queued.countDown();
                            })),
                            StudyStreams.settings(
                                    broker.address(),
                                    APPLICATION,
                                    session.folder().resolve("states")));
                    Sightings segmentations = Sightings.of(broker.address(), topics.segmentations());
                    Sightings plain = Sightings.of(broker.address(), PEER);
                    PlainTransactions peer = new PlainTransactions(broker.address())) {
                open(broker.address(), topics.scanEvents());
                streams.await(queued);
                cluster.awaitCaughtUp(APPLICATION, topics);
                return measure(sender, segmentations, peer, plain);
            }
        }
    }

    /** Studies that are complete with one scan: each is a job that waits for its end. */
    private void open(String broker, String topic) {
        try (Producer<String, ScanEvent> producer = new KafkaProducer<>(
                Map.of(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, broker),
                new StringSerializer(),
                RecordSerde.of(ScanEvent.class))) {
            for (int i = 0; i < results + WARM_UP; i++) {
                ScanEvent event = StudyEvents.event("study-" + i, "T1", Instant.now(), random)
                        .setExpectedModalities(List.of("T1"))
                        .build();
                producer.send(new ProducerRecord<>(topic, event.getStudyId(), event));
            }
        }
    }

    private Figure measure(KafkaResultSender sender, Sightings segmentations, PlainTransactions peer, Sightings plain)
            throws InterruptedException {
        Sample worker = () -> {
            HeldJob next = held.remove();
            sender.send(next.partition(), Fixtures.outcome(next.job(), Instant.now()));
            return next.job().getStudyId();
        };
        out.printf(
                "%d partitions, 1 stream thread, exactly_once_v2; a sample each %d ms on average%n", PARTITIONS, gap);
        out.printf(ROW, "", "p50 ms", "p90 ms", "p99 ms", "max ms", "samples", "p99 of rounds");
        take(worker, WARM_UP, segmentations);
        take(peer, WARM_UP, plain);
        lateStarts = 0;
        latestStart = 0;
        List<double[]> workerRounds = new ArrayList<>();
        List<double[]> peerRounds = new ArrayList<>();
        for (int round = 0; round < ROUNDS; round++) {
            int count = results * (round + 1) / ROUNDS - results * round / ROUNDS;
            workerRounds.add(take(worker, count, segmentations));
            peerRounds.add(take(peer, count, plain));
        }
        double[] ours = row("result", workerRounds);
        double[] theirs = row("peer: one plain transaction", peerRounds);
        double p50 = quantile(ours, 0.5);
        double p99 = quantile(ours, 0.99);
        out.printf(
                "against the peer: p50 %s times, p99 %s times%n",
                Figure.text(p50 / quantile(theirs, 0.5)), Figure.text(p99 / quantile(theirs, 0.99)));
        out.printf(
                "the machine stood still: %d samples began more than %s ms late, at most %s ms%n",
                lateStarts, Figure.text(LATE_MS), millis(latestStart));
        boolean medianMet = p50 <= TARGET_P50_MS;
        out.printf(
                "p50 %s ms target %s %s%n", Figure.text(p50), Figure.text(TARGET_P50_MS), medianMet ? "met" : "missed");
        return new Figure(name(), p99, "ms", TARGET_P99_MS, medianMet && p99 <= TARGET_P99_MS);
    }

    /** Something that begins now and is seen later. */
    private interface Sample {

        /** Begins it; returns the key by which it will be seen. */
        String begin();
    }

    /** Begins samples at random times, so that they meet the stream thread anywhere in its loop; the milliseconds of each. */
    private double[] take(Sample sample, int count, Sightings sightings) throws InterruptedException {
        String[] keys = new String[count];
        long[] began = new long[count];
        long next = System.nanoTime();
        for (int i = 0; i < count; i++) {
            next += TimeUnit.MICROSECONDS.toNanos(random.nextLong(2_000L * gap));
            TimeUnit.NANOSECONDS.sleep(next - System.nanoTime());
            began[i] = System.nanoTime();
            noteStart((began[i] - next) / 1e6);
            keys[i] = sample.begin();
        }
        double[] taken = new double[count];
        for (int i = 0; i < count; i++) {
            String key = keys[i];
            Waiting.until("the sample is visible").until(() -> sightings.of(key) != null);
            taken[i] = (sightings.of(key) - began[i]) / 1e6;
        }
        return taken;
    }

    /** A sample that itself began late was held up by the machine; so were the threads that are measured. */
    private void noteStart(double late) {
        lateStarts += late > LATE_MS ? 1 : 0;
        latestStart = Math.max(latestStart, late);
    }

    private double[] row(String title, List<double[]> rounds) {
        double[] sorted =
                rounds.stream().flatMapToDouble(Arrays::stream).sorted().toArray();
        Spread spread = Spread.of(rounds.stream()
                .mapToDouble(round -> quantile(Arrays.stream(round).sorted().toArray(), 0.99))
                .toArray());
        out.printf(
                ROW,
                title,
                millis(quantile(sorted, 0.5)),
                millis(quantile(sorted, 0.9)),
                millis(quantile(sorted, 0.99)),
                millis(quantile(sorted, 1)),
                sorted.length,
                millis(spread.least()) + " to " + millis(spread.most()));
        return sorted;
    }

    private static String millis(double value) {
        return String.format(Locale.ROOT, "%.0f", value);
    }

    private static double quantile(double[] sorted, double share) {
        return sorted[(int) Math.min(sorted.length - 1L, Math.round(Math.ceil(share * sorted.length)) - 1)];
    }

    /** The peer. */
    private static final class PlainTransactions implements Sample, AutoCloseable {

        private final Producer<String, byte[]> producer;
        private int count;

        PlainTransactions(String broker) {
            producer = new KafkaProducer<>(
                    Map.of(
                            ProducerConfig.BOOTSTRAP_SERVERS_CONFIG,
                            broker,
                            ProducerConfig.TRANSACTIONAL_ID_CONFIG,
                            PEER),
                    new StringSerializer(),
                    new ByteArraySerializer());
            producer.initTransactions();
        }

        @Override
        public String begin() {
            String key = "sample-" + count++;
            producer.beginTransaction();
            producer.send(new ProducerRecord<>(PEER, key, new byte[PEER_BYTES]));
            producer.commitTransaction();
            return key;
        }

        @Override
        public void close() {
            producer.close();
        }
    }
}
