package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cloe.it.tools.Outputs;
import io.cloe.it.tools.Outputs.Seen;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.TestCluster;
import io.cloe.it.tools.Waiting;
import io.cloe.schemas.CommandKind;
import io.cloe.schemas.StudyCommand;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.standalone.EmbeddedBroker;
import io.cloe.topology.Topics;
import io.cloe.worker.cli.CloeCommand;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.kafka.WorkerProcess;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** {@code cloe dead-letters} with the letters of a running worker. */
class DeadLettersIT {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final byte[] SECRET = "{\"patient\": \"Mueller\"}".getBytes(StandardCharsets.UTF_8);
    private static final String KEY = "study-mueller";

    @TempDir
    static Path folder;

    private static EmbeddedBroker broker;
    private static TestCluster cluster;
    private static Topics topics;
    private static WorkerProcess worker;
    private static Outputs outputs;
    private static Producer<byte[], byte[]> producer;

    @BeforeAll
    static void start() throws Exception {
        broker = EmbeddedBroker.start(Files.createDirectory(folder.resolve("kafka")), 0);
        cluster = new TestCluster(broker.address());
        topics = cluster.createTopics("", 2);
        Map<String, String> settings =
                cluster.workerSettings(folder, Repository.tinyBundle(), Files.createDirectory(folder.resolve("in")));
        worker = WorkerProcess.start(WorkerConfig.of(settings));
        assertThat(worker.awaitRunning(Waiting.PATIENCE)).isTrue();
        outputs = new Outputs(broker.address(), topics);
        producer = new KafkaProducer<>(
                Map.of(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, broker.address()),
                new ByteArraySerializer(),
                new ByteArraySerializer());
    }

    @AfterAll
    static void stop() throws Exception {
        for (AutoCloseable part : new AutoCloseable[] {producer, outputs, worker, cluster, broker}) {
            if (part != null) {
                part.close();
            }
        }
    }

    /** What a command printed. */
    private static String cloe(String... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        List<String> all = new ArrayList<>(List.of("dead-letters"));
        all.addAll(List.of(arguments));
        all.add("-Dbootstrap.servers=" + broker.address());
        CommandLine command = CloeCommand.commandLine();
        command.setOut(new PrintWriter(out, true));
        command.setErr(new PrintWriter(err, true));
        assertThat(command.execute(all.toArray(String[]::new)))
                .as(err.toString())
                .isZero();
        assertThat(out.toString() + err).doesNotContain("ueller").doesNotContain("patient");
        return out.toString();
    }

    private static List<JsonNode> json(String... arguments) throws Exception {
        List<String> all = new ArrayList<>(List.of(arguments));
        all.add("--json");
        List<JsonNode> nodes = new ArrayList<>();
        for (String line : cloe(all.toArray(String[]::new)).lines().toList()) {
            nodes.add(JSON.readTree(line));
        }
        return nodes;
    }

    private static JsonNode counts(String... arguments) throws Exception {
        List<JsonNode> lines = json(arguments);
        return lines.get(lines.size() - 1);
    }

    /** Sends what the worker cannot read; returns its letter's place. */
    private static String unreadable(String topic, byte[] value) throws Exception {
        ProducerRecord<byte[], byte[]> record =
                new ProducerRecord<>(topic, KEY.getBytes(StandardCharsets.UTF_8), value);
        record.headers().add("PatientName", SECRET);
        long offset = producer.send(record).get().offset();
        outputs.await("its letter", () -> letterOf(topic, offset) != null);
        return letterOf(topic, offset);
    }

    private static String letterOf(String topic, long offset) {
        for (Seen letter : outputs.deadLetters()) {
            if (letter.header("__streams.errors.topic").filter(topic::equals).isPresent()
                    && letter.header("__streams.errors.offset")
                            .filter(Long.toString(offset)::equals)
                            .isPresent()) {
                return letter.record().partition() + "@" + letter.record().offset();
            }
        }
        return null;
    }

    /** A letter as a worker of a version that did not know the schema would have left it. */
    private static String letterOfAnOldWorker(byte[] value) throws Exception {
        ProducerRecord<byte[], byte[]> letter =
                new ProducerRecord<>(topics.deadLetters(), KEY.getBytes(StandardCharsets.UTF_8), value);
        Map<String, String> errors = Map.of(
                "exception", "io.cloe.schemas.serde.UnreadableRecordException",
                "message", "UNKNOWN_SCHEMA: no known version of StudyCommand wrote this",
                "topic", topics.studyCommands(),
                "partition", "0",
                "offset", "1000000");
        errors.forEach((name, text) ->
                letter.headers().add("__streams.errors." + name, text.getBytes(StandardCharsets.UTF_8)));
        letter.headers().add("traceparent", "00-a".getBytes(StandardCharsets.UTF_8));
        var sent = producer.send(letter).get();
        return sent.partition() + "@" + sent.offset();
    }

    private static List<ConsumerRecord<byte[], byte[]>> sentFrom(String topic, String letter) {
        List<ConsumerRecord<byte[], byte[]>> found = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(
                cluster.clients("").consumer(), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = consumer.partitionsFor(topic).stream()
                    .map(info -> new TopicPartition(topic, info.partition()))
                    .toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    Header from = record.headers().lastHeader("cloe.redriven.from");
                    if (from != null && letter.equals(new String(from.value(), StandardCharsets.UTF_8))) {
                        found.add(record);
                    }
                }
            }
        }
        return found;
    }

    @Test
    void shouldListAndShowLettersWithoutWhatIsInThem() throws Exception {
        String letter = unreadable(topics.scanEvents(), SECRET);

        JsonNode listed = json("list", "--reason", "UNKNOWN_WIRE_FORM", "--letter", letter)
                .get(0);
        assertThat(listed.get("letter").asText()).isEqualTo(letter);
        assertThat(listed.get("record").get("topic").asText()).isEqualTo(topics.scanEvents());
        assertThat(listed.get("valueBytes").asInt()).isEqualTo(SECRET.length);
        assertThat(listed.get("now").asText()).isEqualTo("UNREADABLE");
        assertThat(listed.get("redriven").asBoolean()).isFalse();
        assertThat(cloe("list")).contains(letter, "UNKNOWN_WIRE_FORM");
        assertThat(cloe("list", "--letter", letter, "--until", "1h")).contains("no letters");
        assertThat(cloe("show", letter)).contains("UNKNOWN_WIRE_FORM", "key        13 bytes", "headers    1");
    }

    @Test
    void shouldSendTheOriginalOnceWhenThisBuildCanReadIt() throws Exception {
        byte[] command = RecordSerde.of(StudyCommand.class)
                .serialize("", new StudyCommand("c", KEY, CommandKind.HOLD, null, null, Instant.now()));
        String letter = letterOfAnOldWorker(command);
        assertThat(json("list", "--letter", letter).get(0).get("now").asText()).isEqualTo("READABLE");

        assertThat(counts("redrive", "--letter", letter, "--dry-run")
                        .get("SENT")
                        .asInt())
                .isEqualTo(1);
        assertThat(sentFrom(topics.studyCommands(), letter)).isEmpty();
        assertThat(counts("redrive", "--letter", letter).get("SENT").asInt()).isEqualTo(1);
        JsonNode second = counts("redrive", "--letter", letter);
        assertThat(second.get("SENT").asInt()).isZero();
        assertThat(second.get("SENT_BEFORE").asInt()).isEqualTo(1);

        List<ConsumerRecord<byte[], byte[]>> sent = sentFrom(topics.studyCommands(), letter);
        assertThat(sent).hasSize(1);
        assertThat(sent.get(0).key()).asString().isEqualTo(KEY);
        assertThat(sent.get(0).value()).isEqualTo(command);
        assertThat(sent.get(0).headers().lastHeader("traceparent").value())
                .asString()
                .isEqualTo("00-a");
        assertThat(sent.get(0).headers().toArray())
                .as("the letter's own stay behind")
                .hasSize(2);
        assertThat(json("list", "--letter", letter).get(0).get("redriven").asBoolean())
                .isTrue();
        cluster.awaitCaughtUp(groupOfTheWorker(), topics);
        assertThat(worker.isReady()).isTrue();
    }

    private static String groupOfTheWorker() throws Exception {
        return WorkerConfig.of(cluster.workerSettings(folder, Repository.tinyBundle(), folder))
                .applicationId();
    }

    @Test
    void shouldBecomeALetterAgainThatNamesTheFormerOneWhenSentThoughUnreadable() throws Exception {
        String letter = unreadable(topics.studyCommands(), SECRET);

        JsonNode left = counts("redrive", "--letter", letter);
        assertThat(left.get("UNREADABLE").asInt()).isEqualTo(1);
        assertThat(sentFrom(topics.studyCommands(), letter)).isEmpty();

        assertThat(counts("redrive", "--letter", letter, "--even-unreadable")
                        .get("SENT")
                        .asInt())
                .isEqualTo(1);
        ConsumerRecord<byte[], byte[]> again =
                sentFrom(topics.studyCommands(), letter).get(0);
        outputs.await("the second letter", () -> letterOf(topics.studyCommands(), again.offset()) != null);
        String second = letterOf(topics.studyCommands(), again.offset());
        assertThat(json("show", second).get(0).get("redrivenFrom").asText()).isEqualTo(letter);
        assertThat(worker.isReady()).isTrue();
    }
}
