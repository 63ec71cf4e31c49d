package io.cloe.it.bench;

import io.cloe.it.tools.BrokerProcess;
import io.cloe.it.tools.TestCluster;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.topology.Topics;
import io.cloe.topology.study.StudyRules;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.FailOnInvalidTimestamp;
import picocli.CommandLine.Option;

/** Events per second and stream thread, against {@link ChainedJoins}. */
final class AssemblerBenchmark implements Benchmark {

    private static final double TARGET = 3;
    private static final String PEER_PREFIX = "peer-";
    private static final String JOBS = "peer-jobs";

    @Option(names = "--studies", description = "Studies of four scans each. Default: ${DEFAULT-VALUE}.")
    private int studies = 25_000;

    @Option(names = "--rounds", description = "Measured rounds, after one that is not. Default: ${DEFAULT-VALUE}.")
    private int rounds = 5;

    private String broker;
    private Topics topics;
    private Path states;

    @Override
    public String name() {
        return "assembler";
    }

    @Override
    public String measures() {
        return "events per second of one stream thread, against the same join as chained outer joins of the Kafka Streams DSL";
    }

    @Override
    public Figure run(Session session) throws Exception {
        states = Files.createDirectory(session.folder().resolve("states"));
        try (BrokerProcess process = BrokerProcess.start(
                        Files.createDirectory(session.folder().resolve("kafka")));
                TestCluster cluster = new TestCluster(process.address())) {
            broker = process.address();
            topics = cluster.createTopics("", 1);
            List<NewTopic> peers = new ArrayList<>(List.of(new NewTopic(JOBS, 1, (short) 1)));
            StudyEvents.MODALITIES.forEach(modality -> peers.add(new NewTopic(PEER_PREFIX + modality, 1, (short) 1)));
            cluster.admin().createTopics(peers).all().get();
            fill(new Random(session.seed()));
            return measure(session);
        }
    }

    private void fill(Random random) {
        Duration span = Duration.ofMillis(studies * 100L);
        List<ScanEvent> events = StudyEvents.complete(studies, Instant.now().minus(span), random);
        try (Producer<String, ScanEvent> producer = new KafkaProducer<>(
                Map.of(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, broker, ProducerConfig.LINGER_MS_CONFIG, 50),
                new StringSerializer(),
                RecordSerde.of(ScanEvent.class))) {
            for (ScanEvent event : events) {
                long at = event.getAvailableAt().toEpochMilli();
                for (String topic : List.of(topics.scanEvents(), PEER_PREFIX + event.getModality())) {
                    producer.send(new ProducerRecord<>(topic, 0, at, event.getStudyId(), event));
                }
            }
        }
    }

    /**
     * What consuming all events took.
     *
     * @param seconds from the first event to the last study's job
     * @param processorSeconds of the stream thread, which neighbours on the machine do not change much
     */
    private record Took(double seconds, double processorSeconds) {}

    private Figure measure(Session session) throws Exception {
        int events = studies * StudyEvents.MODALITIES.size();
        session.out().printf("%d studies, %d events, 1 partition, 1 stream thread, exactly_once_v2%n", studies, events);
        session.out().println("events per second, and processor time of the stream thread per event");
        session.out().printf("%-8s %22s %22s %8s%n", "round", "study rules", "outer joins", "ratio");
        double[] ours = new double[rounds];
        double[] peers = new double[rounds];
        double[] ratios = new double[rounds];
        for (int round = -1; round < rounds; round++) {
            // Taking turns in who goes first.
            boolean oursFirst = round % 2 == 0;
            Took first = oursFirst ? studyRules(round) : outerJoins(round);
            Took second = oursFirst ? outerJoins(round) : studyRules(round);
            Took our = oursFirst ? first : second;
            Took peer = oursFirst ? second : first;
            double ratio = peer.seconds() / our.seconds();
            String name = round < 0 ? "warm-up" : Integer.toString(round + 1);
            session.out().printf("%-8s %22s %22s %8.2f%n", name, text(our, events), text(peer, events), ratio);
            session.out().flush();
            if (round >= 0) {
                ours[round] = events / our.seconds();
                peers[round] = events / peer.seconds();
                ratios[round] = ratio;
            }
        }
        session.out().println("study rules, events/s: " + Spread.of(ours));
        session.out().println("outer joins, events/s: " + Spread.of(peers));
        session.out().println("ratio: " + Spread.of(ratios));
        return Figure.atLeast(name(), Spread.of(ratios).median(), "x", TARGET);
    }

    private static String text(Took took, int events) {
        return String.format(
                Locale.ROOT, "%.0f/s %.1f us", events / took.seconds(), took.processorSeconds() / events * 1e6);
    }

    private Took studyRules(int round) throws Exception {
        CountDownLatch jobs = new CountDownLatch(studies);
        try (JobListener executor = new JobListener(broker, topics.inferenceResults(), job -> jobs.countDown())) {
            Properties settings = StudyStreams.settings(broker, "rules-" + round, states);
            return took(StudyStreams.topology(topics, executor), settings, jobs);
        }
    }

    private Took outerJoins(int round) throws Exception {
        CountDownLatch jobs = new CountDownLatch(studies);
        Topology topology = ChainedJoins.build(
                PEER_PREFIX, StudyEvents.MODALITIES, StudyRules.defaults().timeout(), JOBS, job -> jobs.countDown());
        Properties settings = StudyStreams.settings(broker, "joins-" + round, states);
        // Windows are event time, and need the streams in its order.
        settings.put(StreamsConfig.DEFAULT_TIMESTAMP_EXTRACTOR_CLASS_CONFIG, FailOnInvalidTimestamp.class);
        settings.put(StreamsConfig.MAX_TASK_IDLE_MS_CONFIG, 0);
        return took(topology, settings, jobs);
    }

    private static Took took(Topology topology, Properties settings, CountDownLatch jobs) throws Exception {
        try (RunningStreams streams = RunningStreams.start(topology, settings)) {
            streams.await(jobs);
            return new Took((System.nanoTime() - streams.runningSince()) / 1e9, RunningStreams.processorTime() / 1e9);
        }
    }
}
