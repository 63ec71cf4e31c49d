package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.Studies;
import io.cloe.it.tools.TestCluster;
import io.cloe.it.tools.Waiting;
import io.cloe.schemas.QaFeedback;
import io.cloe.schemas.QaVerdict;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.standalone.EmbeddedBroker;
import io.cloe.topology.Topics;
import io.cloe.worker.admin.AdminService;
import io.cloe.worker.config.StudySettings;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.kafka.ClientSettings;
import io.cloe.worker.kafka.WorkerParts;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A worker's admin HTTP with everything behind it: a broker, a model, files. */
class AdminIT {

    private static final List<String> ALL = List.of("T1", "T2", "FLAIR");
    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    /** Metrics that a worker has only after something went wrong. */
    private static final Set<String> OF_FAULTS = Set.of("cloe_failures_total");

    /** What Prometheus makes itself. */
    private static final Set<String> OF_PROMETHEUS = Set.of("up");

    @TempDir
    static Path folder;

    private static EmbeddedBroker broker;
    private static TestCluster cluster;
    private static ClientSettings clients;
    private static Topics topics;
    private static AdminService service;

    @BeforeAll
    static void start() throws Exception {
        broker = EmbeddedBroker.start(Files.createDirectory(folder.resolve("kafka")), 0);
        cluster = new TestCluster(broker.address());
        topics = cluster.createTopics("", 2);
        clients = cluster.clients("");
        Path volumes = Files.createDirectory(folder.resolve("volumes"));
        Map<String, String> settings = cluster.workerSettings(folder, Repository.tinyBundle(), volumes);
        settings.put(WorkerConfig.APPLICATION_ID, "admin");
        settings.put(StudySettings.STUDY_TIMEOUT, "1s");
        service = AdminService.start(WorkerConfig.of(settings), WorkerParts.plain());
        assertThat(service.worker().awaitRunning(Waiting.PATIENCE)).isTrue();
        try (Studies studies = new Studies(volumes, clients)) {
            Map<String, Path> complete = studies.phantom("complete", 0);
            studies.submit("complete", complete, ALL);
            studies.submit("complete", complete, ALL); // again
            studies.submit("incomplete", studies.phantom("incomplete", 1), List.of("T1", "FLAIR"));
        }
        Waiting.until("both studies are listed with results")
                .until(() -> get("studies?phase=SEGMENTED").get("matching").asInt() == 2);
    }

    @AfterAll
    static void stop() throws Exception {
        for (AutoCloseable part : new AutoCloseable[] {service, cluster, broker}) {
            if (part != null) {
                part.close();
            }
        }
    }

    private static URI at(String path) {
        return URI.create(service.address().orElseThrow() + path);
    }

    private static HttpResponse<String> send(HttpRequest.Builder request) throws IOException, InterruptedException {
        return CLIENT.send(request.timeout(Waiting.PATIENCE).build(), HttpResponse.BodyHandlers.ofString());
    }

    private static JsonNode get(String path) throws IOException, InterruptedException {
        return new ObjectMapper()
                .readTree(send(HttpRequest.newBuilder(at(path))).body());
    }

    @Test
    void shouldShowAStudyWithItsPicturesWhenItWasSegmented() throws Exception {
        JsonNode study = get("studies/incomplete");

        assertThat(study.at("/revisions/0/trigger").asText()).isEqualTo("DEADLINE");
        assertThat(study.at("/revisions/0/used/0/viewable").asBoolean()).isTrue();
        assertThat(study.at("/revisions/0/missing/0/modality").asText()).isEqualTo("T2");
        assertThat(study.at("/status/history")).isNotEmpty();
        String event = study.at("/revisions/0/used/0/eventId").asText();
        for (String picture : List.of("scans/" + event + "/slices/axial/10", "revisions/0/slices/axial/10")) {
            HttpResponse<String> answer = send(HttpRequest.newBuilder(at("studies/incomplete/" + picture)));
            assertThat(answer.statusCode()).isEqualTo(200);
            assertThat(answer.headers().firstValue("Content-Type")).contains("image/png");
        }
    }

    @Test
    void shouldPutAVerdictOnItsTopicWhenOneIsGiven() throws Exception {
        HttpResponse<String> answer = send(HttpRequest.newBuilder(at("studies/complete/revisions/0/feedback"))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString("{\"verdict\":\"REJECT\",\"reason\":\"wrong side\"}")));

        assertThat(answer.statusCode()).isEqualTo(201);
        try (KafkaConsumer<String, QaFeedback> consumer =
                new KafkaConsumer<>(clients.consumer(), new StringDeserializer(), RecordSerde.of(QaFeedback.class))) {
            consumer.assign(
                    List.of(new TopicPartition(topics.qaFeedback(), 0), new TopicPartition(topics.qaFeedback(), 1)));
            consumer.seekToBeginning(consumer.assignment());
            Waiting.until("the verdict is on its topic").until(() -> {
                for (ConsumerRecord<String, QaFeedback> record : consumer.poll(Duration.ofMillis(500))) {
                    return record.key().equals("complete")
                            && record.value().getVerdict() == QaVerdict.REJECT
                            && record.value().getReason().equals("wrong side");
                }
                return false;
            });
        }
    }

    /** A rule over a metric that does not exist never fires. */
    @Test
    void shouldHaveTheMetricsThatAlertsAndDashboardAskForWhenScraped() throws Exception {
        Path observability = Repository.root().resolve("deploy/observability");
        Set<String> wanted = new TreeSet<>();
        for (String file : List.of("alerts.yml", "dashboard.json")) {
            Matcher name = Pattern.compile("\\b((?:cloe|kafka|jvm|process|system)_[a-z0-9_]+|up)\\b(?=[\\[{\\s)])")
                    .matcher(expressions(Files.readString(observability.resolve(file))));
            while (name.find()) {
                wanted.add(name.group(1));
            }
        }
        assertThat(wanted).hasSizeGreaterThan(15);
        wanted.removeAll(OF_FAULTS);
        wanted.removeAll(OF_PROMETHEUS);

        String scraped = send(HttpRequest.newBuilder(at("metrics"))).body();

        Set<String> had = new TreeSet<>();
        scraped.lines().filter(line -> !line.startsWith("#")).forEach(line -> had.add(line.split("[{ ]", 2)[0]));
        assertThat(had).containsAll(wanted);
    }

    /** What stands behind {@code expr}, in YAML or JSON. */
    private static String expressions(String text) {
        StringBuilder found = new StringBuilder();
        Matcher expression = Pattern.compile(
                        "\"?expr\"?:\\s*(.+?)\\n\\s*\"?(?:for|labels|legendFormat|refId|annotations)\"?:",
                        Pattern.DOTALL)
                .matcher(text);
        while (expression.find()) {
            found.append(expression.group(1)).append(" \n");
        }
        return found.toString();
    }
}
