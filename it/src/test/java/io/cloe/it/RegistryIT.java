package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.it.tools.BrokerProcess;
import io.cloe.it.tools.ClassArchive;
import io.cloe.it.tools.ConfluentPeer;
import io.cloe.it.tools.JavaProcess;
import io.cloe.it.tools.RegistryServer;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.Studies;
import io.cloe.it.tools.TestCluster;
import io.cloe.it.tools.Waiting;
import io.cloe.it.tools.WorkerJvm;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.topology.Topics;
import io.cloe.worker.cli.CloeCommand;
import io.cloe.worker.cli.ExitCode;
import io.cloe.worker.config.InferenceConfig;
import io.cloe.worker.config.RegistryConfig;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.kafka.ClientSettings;
import io.cloe.worker.results.OutputReader;
import java.io.File;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** A real registry, and Confluent's own serializer in programs of its users. */
class RegistryIT {

    private static final List<String> SCANS = List.of("T1", "FLAIR");

    @TempDir
    static Path folder;

    private static BrokerProcess broker;
    private static TestCluster cluster;
    private static RegistryServer registry;
    private static Path volumes;

    @BeforeAll
    static void start() throws Exception {
        broker = BrokerProcess.start(Files.createDirectory(folder.resolve("kafka")));
        cluster = new TestCluster(broker.address());
        registry = RegistryServer.start(Files.createDirectory(folder.resolve("registry")));
        volumes = Files.createDirectory(folder.resolve("volumes"));
    }

    @AfterAll
    static void stop() {
        for (AutoCloseable part : new AutoCloseable[] {registry, cluster, broker}) {
            try {
                part.close();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }

    private static Map<String, String> settings(String name, String registryUrl) {
        Map<String, String> settings =
                new TreeMap<>(cluster.workerSettings(folder.resolve(name), Repository.tinyBundle(), volumes));
        settings.put(WorkerConfig.TOPICS_PREFIX, name + "-");
        settings.put(WorkerConfig.APPLICATION_ID, name);
        settings.put(InferenceConfig.INFERENCE_THREADS, "1");
        settings.put(RegistryConfig.URL, registryUrl);
        return settings;
    }

    @Test
    void shouldUnderstandConfluentsClientsAndBeUnderstoodWhenARegistryIsConfigured() throws Exception {
        Topics topics = cluster.createTopics("site-", 1);
        Map<String, String> settings = settings("site", registry.url().toString());
        try (WorkerJvm worker = WorkerJvm.start(folder.resolve("site/worker"), settings);
                Studies studies = new Studies(volumes, ClientSettings.of(settings));
                Studies without = new Studies(volumes, cluster.clients("site-"));
                OutputReader results = new OutputReader(ClientSettings.of(settings), true)) {
            Map<String, Path> files = studies.phantom("study", 0);
            // One scan through Confluent's serializer, one through ours with the registry, one as before there was a
            // registry.
            ScanEvent first = Studies.event("study", "T1", files.get("T1")).build();
            peer("produce", broker.address(), topics.scanEvents(), hex(first)).awaitOutput("sent"::equals);
            studies.submit("study", files, List.of("FLAIR"));
            without.submit("study", files, List.of("T2"));

            Segmentation result = awaitResult(results);
            assertThat(result.getUsed()).hasSize(3);
            assertThat(firstBytesOf(topics.scanEvents())).containsExactlyInAnyOrder((byte) 0, (byte) 0, (byte) 0xC3);
            for (String topic : List.of(topics.segmentations(), topics.gatingWeights(), topics.studyStatus())) {
                assertThat(firstBytesOf(topic)).as(topic).containsOnly((byte) 0);
            }
            assertThat(registry.get("/subjects"))
                    .contains(
                            "\"site-scan-events-value\"",
                            "\"site-segmentations-value\"",
                            "\"site-gating-weights-value\"",
                            "\"site-study-status-value\"",
                            "\"site-study-failures-value\"");
            peer("consume", broker.address(), topics.segmentations()).awaitOutput("read Segmentation of study"::equals);
            peer("consume", broker.address(), topics.gatingWeights())
                    .awaitOutput("read GatingWeights of study"::equals);
        }
    }

    @Test
    void shouldRunConfluentsSerializerWhenItIsNamedByClass() throws Exception {
        Map<String, Path> files = Map.of("T1", Files.writeString(folder.resolve("t1.nii.gz"), "not looked at"));
        ScanEvent event = Studies.event("study", "T1", files.get("T1")).build();
        // With this project's Kafka client, which comes first.
        String classPath = ClassArchive.classPath() + File.pathSeparator + confluent();

        JavaProcess peer = JavaProcess.start(
                folder.resolve("foreign"),
                "foreign",
                List.of("-cp", classPath),
                ConfluentPeer.class.getName(),
                List.of("foreign", registry.url().toString(), hex(event)));

        peer.awaitOutput("both ways"::equals);
        peer.close();
    }

    /** As a worker leaves it that runs without the registry. */
    @Test
    void shouldSendALetterAgainWhenTheRegistryKnowsItsSchema() throws Exception {
        Topics topics = cluster.createTopics("letters-", 1);
        ClientSettings clients =
                ClientSettings.of(settings("letters", registry.url().toString()));
        Path file = Files.writeString(folder.resolve("letter.nii.gz"), "not looked at");
        byte[] value = clients.records()
                .of(ScanEvent.class)
                .serializer()
                .serialize(
                        topics.scanEvents(), Studies.event("study", "T1", file).build());
        ProducerRecord<byte[], byte[]> letter =
                new ProducerRecord<>(topics.deadLetters(), "study".getBytes(StandardCharsets.UTF_8), value);
        Map.of(
                        "exception", "io.cloe.schemas.serde.UnreadableRecordException",
                        "message", "REGISTRY_NOT_CONFIGURED: ScanEvent",
                        "topic", topics.scanEvents(),
                        "partition", "0",
                        "offset", "17")
                .forEach((name, text) ->
                        letter.headers().add("__streams.errors." + name, text.getBytes(StandardCharsets.UTF_8)));
        try (Producer<byte[], byte[]> producer =
                new KafkaProducer<>(clients.producer(), new ByteArraySerializer(), new ByteArraySerializer())) {
            producer.send(letter).get();
        }

        assertThat(redrive(ExitCode.OK, "")).contains("sent: 0;", "unreadable: 1;");
        assertThat(redrive(ExitCode.REGISTRY, "http://127.0.0.1:1")).contains("cloe: schema registry: UNREACHABLE");
        assertThat(redrive(ExitCode.OK, registry.url().toString())).contains("sent: 1;", "unreadable: 0;");
        assertThat(firstBytesOf(topics.scanEvents())).containsExactly((byte) 0);
    }

    private static String redrive(int exitCode, String registryUrl) {
        StringWriter out = new StringWriter();
        CommandLine command = CloeCommand.commandLine();
        command.setOut(new PrintWriter(out, true));
        command.setErr(new PrintWriter(out, true));
        assertThat(command.execute(
                        "dead-letters",
                        "redrive",
                        "--all",
                        "-D" + WorkerConfig.BOOTSTRAP_SERVERS + "=" + broker.address(),
                        "-D" + WorkerConfig.TOPICS_PREFIX + "=letters-",
                        "-D" + RegistryConfig.PATIENCE + "=1s",
                        "-D" + RegistryConfig.URL + "=" + registryUrl))
                .as(out.toString())
                .isEqualTo(exitCode);
        return out.toString();
    }

    @Test
    void shouldRefuseToStartWhenASubjectDoesNotTakeTheSchema() throws Exception {
        cluster.createTopics("refused-", 1);
        String subject = "refused-segmentations-value";
        String other =
                "{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"Segmentation\\\",\\\"namespace\\\":\\\"io.cloe.schemas\\\","
                        + "\\\"fields\\\":[{\\\"name\\\":\\\"revision\\\",\\\"type\\\":\\\"string\\\"}]}";
        registry.send("POST", "/subjects/" + subject + "/versions", "{\"schema\":\"" + other + "\"}");
        registry.send("PUT", "/config/" + subject, "{\"compatibility\":\"BACKWARD\"}");

        assertRefused(settings("refused", registry.url().toString()), "INCOMPATIBLE: subject " + subject);
    }

    @Test
    void shouldRefuseToStartWhenTheRegistryDoesNotAnswer() throws Exception {
        cluster.createTopics("gone-", 1);

        Map<String, String> settings = settings("gone", "http://127.0.0.1:1");
        settings.put(RegistryConfig.PATIENCE, "1s");

        assertRefused(settings, "UNREACHABLE");
    }

    private static void assertRefused(Map<String, String> settings, String why) {
        try (WorkerJvm worker = WorkerJvm.launch(folder.resolve(settings.get(WorkerConfig.APPLICATION_ID)), settings)) {
            assertThat(worker.process().awaitExit()).isEqualTo(ExitCode.REGISTRY);
            assertThat(worker.said()).hasSize(1).first().asString().startsWith("cloe: schema registry: " + why);
        }
    }

    private static Segmentation awaitResult(OutputReader reader) {
        List<SpecificRecord> seen = new ArrayList<>();
        Waiting.until("the study's result").until(() -> {
            reader.poll(Duration.ofMillis(200)).forEach(output -> seen.add(output.value()));
            return seen.stream().anyMatch(Segmentation.class::isInstance);
        });
        return seen.stream()
                .filter(Segmentation.class::isInstance)
                .map(Segmentation.class::cast)
                .findFirst()
                .orElseThrow();
    }

    private static List<Byte> firstBytesOf(String topic) {
        Map<String, Object> settings = Map.of(
                ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG,
                broker.address(),
                ConsumerConfig.ISOLATION_LEVEL_CONFIG,
                "read_committed");
        List<Byte> bytes = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            TopicPartition partition = new TopicPartition(topic, 0);
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            long end = consumer.endOffsets(List.of(partition)).get(partition);
            while (consumer.position(partition) < end) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    bytes.add(record.value()[0]);
                }
            }
        }
        return bytes;
    }

    /** A program that has nothing of this project but the generated records. */
    private static JavaProcess peer(String mode, String... arguments) throws URISyntaxException {
        String classPath =
                String.join(File.pathSeparator, confluent(), placeOf(ConfluentPeer.class), placeOf(ScanEvent.class));
        List<String> all = new ArrayList<>(List.of(mode, registry.url().toString()));
        all.addAll(List.of(arguments));
        return JavaProcess.start(
                folder.resolve("peers"), mode, List.of("-cp", classPath), ConfluentPeer.class.getName(), all);
    }

    private static String confluent() {
        return System.getProperty("cloe.confluent");
    }

    private static String placeOf(Class<?> type) throws URISyntaxException {
        return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI())
                .toString();
    }

    private static String hex(ScanEvent event) {
        return HexFormat.of().formatHex(RecordSerde.of(ScanEvent.class).serialize("", event));
    }
}
