package io.cloe.it.bench;

import io.cloe.it.tools.BrokerProcess;
import io.cloe.it.tools.TestCluster;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.topology.Topics;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.streams.StreamsConfig;
import picocli.CommandLine.Option;

/** How late deadlines fire while very many other studies wait, and what the waiting costs. */
final class OpenStudiesBenchmark implements Benchmark {

    private static final String APPLICATION = "open-studies";
    private static final double TARGET_MS = 200;
    private static final int SMALLEST = 1_000;
    private static final Duration FAR = Duration.ofDays(6);
    private static final Duration LEAD = Duration.ofSeconds(3);
    private static final Duration APART = Duration.ofMillis(40);
    private static final Duration METRICS_WINDOW = Duration.ofSeconds(5);
    private static final Path PROCESS_STATUS = Path.of("/proc/self/status");
    private static final String ROW = "%12s %10s %9s %9s %9s %12s %10s %10s%n";

    @Option(names = "--studies", description = "Studies that wait, at the end. Default: ${DEFAULT-VALUE}.")
    private int studies = 1_000_000;

    @Option(names = "--sample", description = "Deadlines measured each time. Default: ${DEFAULT-VALUE}.")
    private int sample = 500;

    private final Map<String, Double> lateness = new ConcurrentHashMap<>();
    private final Map<String, Instant> awaited = new ConcurrentHashMap<>();
    private final Map<String, CountDownLatch> signals = new ConcurrentHashMap<>();
    private final AtomicInteger names = new AtomicInteger();
    private volatile CountDownLatch sampled = new CountDownLatch(0);
    private BrokerProcess broker;
    private Topics topics;
    private Producer<String, ScanEvent> producer;
    private Random random;
    private Path states;
    private PrintWriter out;

    @Override
    public String name() {
        return "open-studies";
    }

    @Override
    public String measures() {
        return "how late deadlines fire while a million other studies wait (milliseconds, p99)";
    }

    @Override
    public Figure run(Session session) throws Exception {
        out = session.out();
        random = new Random(session.seed());
        states = session.folder().resolve("states");
        broker = BrokerProcess.start(Files.createDirectory(session.folder().resolve("kafka")));
        try (BrokerProcess process = broker;
                TestCluster cluster = new TestCluster(process.address())) {
            topics = cluster.createTopics("", 1);
            producer = new KafkaProducer<>(
                    Map.of(
                            ProducerConfig.BOOTSTRAP_SERVERS_CONFIG,
                            broker.address(),
                            ProducerConfig.LINGER_MS_CONFIG,
                            5),
                    new StringSerializer(),
                    RecordSerde.of(ScanEvent.class));
            try (Producer<String, ScanEvent> closing = producer) {
                return measure();
            }
        }
    }

    private Figure measure() throws Exception {
        out.printf(
                "1 partition, 1 stream thread, exactly_once_v2; %d deadlines, one each %d ms%n",
                sample, APART.toMillis());
        out.printf(ROW, "open", "events/s", "p50 ms", "p99 ms", "max ms", "firing ms", "heap MiB", "RSS MiB");
        double worst = 0;
        try (JobListener executor = executor();
                RunningStreams streams = start(executor)) {
            int open = 0;
            for (int next = Math.min(SMALLEST, studies); open < studies; next = Math.min(10 * next, studies)) {
                double rate = (next - open) / open(streams, next - open);
                open = next;
                worst = row(Integer.toString(open), String.format(Locale.ROOT, "%.0f", rate), streams);
            }
        }
        worst = Math.max(worst, restart("restart"));
        Utils.delete(states.toFile());
        worst = Math.max(worst, restart("state lost"));
        return Figure.atMost(name(), worst, "ms", TARGET_MS);
    }

    private JobListener executor() {
        return new JobListener(broker.address(), topics.inferenceResults(), this::jobSubmitted);
    }

    private RunningStreams start(JobListener executor) throws Exception {
        Properties settings = StudyStreams.settings(broker.address(), APPLICATION, states);
        settings.put(StreamsConfig.METRICS_SAMPLE_WINDOW_MS_CONFIG, METRICS_WINDOW.toMillis());
        return RunningStreams.start(StudyStreams.topology(topics, executor), settings);
    }

    private void jobSubmitted(InferenceJob job) {
        long now = System.currentTimeMillis();
        String study = job.getStudyId();
        CountDownLatch signal = signals.remove(study);
        if (signal != null) {
            signal.countDown();
        }
        Instant deadline = awaited.remove(study);
        if (deadline != null) {
            lateness.put(study, (double) (now - deadline.toEpochMilli()));
            sampled.countDown();
        }
    }

    /** Opens studies that wait for days; the seconds until all are in the store. */
    private double open(RunningStreams streams, int count) throws InterruptedException {
        long start = System.nanoTime();
        Instant deadline = Instant.now().plus(FAR);
        for (int i = 0; i < count; i++) {
            // Each at a time of its own, as the deadlines of real studies are.
            send(nextName(), deadline.plusMillis(i), null);
        }
        String last = nextName();
        CountDownLatch processed = new CountDownLatch(1);
        signals.put(last, processed);
        send(last, null, List.of("T1"));
        streams.await(processed);
        return (System.nanoTime() - start) / 1e9;
    }

    private String nextName() {
        return "study-" + names.getAndIncrement();
    }

    private void send(String study, Instant deadline, List<String> expected) {
        ScanEvent event = StudyEvents.event(study, "T1", Instant.now(), random)
                .setDeadline(deadline)
                .setExpectedModalities(expected)
                .build();
        producer.send(new ProducerRecord<>(topics.scanEvents(), 0, null, study, event));
    }

    /** Measures deadlines that fall due one after the other with no other traffic; returns their p99. */
    private double row(String open, String rate, RunningStreams streams) throws Exception {
        lateness.clear();
        sampled = new CountDownLatch(sample);
        Instant first = Instant.now().plus(LEAD);
        for (int i = 0; i < sample; i++) {
            String study = nextName();
            Instant deadline = first.plus(APART.multipliedBy(i));
            awaited.put(study, deadline);
            send(study, deadline, null);
        }
        streams.await(sampled);
        double[] sorted =
                lateness.values().stream().mapToDouble(late -> late).sorted().toArray();
        double p99 = quantile(sorted, 0.99);
        out.printf(
                ROW,
                open,
                rate,
                String.format(Locale.ROOT, "%.0f", quantile(sorted, 0.5)),
                String.format(Locale.ROOT, "%.0f", p99),
                String.format(Locale.ROOT, "%.0f", quantile(sorted, 1)),
                String.format(Locale.ROOT, "%.3f", streams.metric("punctuate-latency-avg")),
                heapMiB(),
                residentMiB());
        out.flush();
        return p99;
    }

    private static double quantile(double[] sorted, double share) {
        return sorted[(int) Math.min(sorted.length - 1L, Math.round(Math.ceil(share * sorted.length)) - 1)];
    }

    private double restart(String how) throws Exception {
        long start = System.nanoTime();
        try (JobListener executor = executor();
                RunningStreams streams = start(executor)) {
            double seconds = (streams.runningSince() - start) / 1e9;
            double p99 = row(how, "-", streams);
            out.printf("%12s processes records %.1f s after its start%n", "", seconds);
            return p99;
        }
    }

    private static String heapMiB() {
        System.gc();
        return Long.toString(
                ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed() >> 20);
    }

    /** What the system says that this process takes, with all that is outside the heap. */
    private static String residentMiB() throws IOException {
        if (!Files.exists(PROCESS_STATUS)) {
            return "-";
        }
        return Files.readAllLines(PROCESS_STATUS).stream()
                .filter(line -> line.startsWith("VmRSS:"))
                .map(line -> Long.toString(Long.parseLong(line.replaceAll("\\D", "")) >> 10))
                .findFirst()
                .orElse("-");
    }
}
