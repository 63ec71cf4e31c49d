package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cloe.examples.ReadResults;
import io.cloe.it.tools.JavaProcess;
import io.cloe.it.tools.PythonForExamples;
import io.cloe.it.tools.RegistryServer;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.Studies;
import io.cloe.it.tools.TestCluster;
import io.cloe.it.tools.Waiting;
import io.cloe.schemas.AbsentModality;
import io.cloe.schemas.ScanReference;
import io.cloe.schemas.Segmentation;
import io.cloe.standalone.EmbeddedBroker;
import io.cloe.worker.config.RegistryConfig;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.kafka.ClientSettings;
import io.cloe.worker.kafka.WorkerProcess;
import io.cloe.worker.results.OutputReader;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The programs in deploy/examples, on results of a real worker, in both forms in which records travel. */
class ExamplesIT {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Map<String, List<String>> STUDIES =
            Map.of("three", List.of("T1", "T2", "FLAIR"), "one", List.of("FLAIR"));

    @TempDir
    static Path folder;

    private static EmbeddedBroker broker;
    private static TestCluster cluster;
    private static RegistryServer registry;

    /** What workers wrote: with a registry and without. */
    private static Map<String, Segmentation> plain;

    private static Map<String, Segmentation> registered;

    @BeforeAll
    static void writeResults() throws Exception {
        registry = RegistryServer.start(Files.createDirectory(folder.resolve("registry")));
        broker = EmbeddedBroker.start(Files.createDirectory(folder.resolve("kafka")), 0);
        cluster = new TestCluster(broker.address());
        plain = results("plain-", "");
        registered = results("registry-", registry.url().toString());
    }

    @AfterAll
    static void stop() {
        cluster.close();
        broker.close();
        registry.close();
    }

    @Test
    void shouldReadResultsInJavaWhenTheyAreInSingleObjectEncoding() throws Exception {
        assertTold(java("plain-", ""), plain);
    }

    @Test
    void shouldReadResultsInJavaWhenTheyAreInARegistrysForm() throws Exception {
        assertTold(java("registry-", "registry.url=" + registry.url()), registered);
    }

    @Test
    void shouldReadResultsAndMasksInPythonWhenTheyAreInSingleObjectEncoding() throws Exception {
        assertTold(python("plain-"), plain);
    }

    @Test
    void shouldReadResultsAndMasksInPythonWhenTheyAreInARegistrysForm() throws Exception {
        assertTold(python("registry-", "--registry", registry.url().toString()), registered);
    }

    private static Map<String, Segmentation> results(String prefix, String registryUrl) throws Exception {
        cluster.createTopics(prefix, 2);
        Path volumes = Files.createDirectory(folder.resolve(prefix + "volumes"));
        Map<String, String> settings =
                new TreeMap<>(cluster.workerSettings(folder.resolve(prefix), Repository.tinyBundle(), volumes));
        settings.put(WorkerConfig.TOPICS_PREFIX, prefix);
        settings.put(WorkerConfig.APPLICATION_ID, prefix + "worker");
        settings.put(RegistryConfig.URL, registryUrl);
        Map<String, Segmentation> results = new HashMap<>();
        try (WorkerProcess worker = WorkerProcess.start(WorkerConfig.of(settings));
                Studies studies = new Studies(volumes, ClientSettings.of(settings))) {
            assertThat(worker.awaitRunning(Waiting.PATIENCE)).isTrue();
            for (Map.Entry<String, List<String>> study : STUDIES.entrySet()) {
                studies.submit(
                        study.getKey(),
                        studies.phantom(study.getKey(), 0),
                        study.getValue(),
                        event -> event.setExpectedModalities(study.getValue()));
            }
            try (OutputReader reader = new OutputReader(ClientSettings.of(settings), true)) {
                Waiting.until("the results of all studies").until(() -> {
                    for (OutputReader.Output output : reader.poll(Duration.ofMillis(200))) {
                        if (output.value() instanceof Segmentation segmentation) {
                            results.put(segmentation.getStudyId(), segmentation);
                        }
                    }
                    return results.keySet().equals(STUDIES.keySet());
                });
            }
        }
        return results;
    }

    private static List<JsonNode> java(String prefix, String more) throws IOException {
        Path settings = Files.writeString(
                folder.resolve(prefix + "reader.properties"),
                String.join(
                        "\n",
                        "bootstrap.servers=" + broker.address(),
                        "group.id=java",
                        "topics.prefix=" + prefix,
                        more));
        try (JavaProcess program = JavaProcess.start(
                folder.resolve("java"),
                prefix,
                JavaProcess.SHORT_LIVED,
                ReadResults.class.getName(),
                List.of(settings.toString(), Integer.toString(STUDIES.size())))) {
            assertThat(program.awaitExit())
                    .as(() -> program.errorLines().toString())
                    .isZero();
            return parse(program.outputLines());
        }
    }

    private static List<JsonNode> python(String prefix, String... more) throws Exception {
        Path python = PythonForExamples.with("fastavro", "confluent_kafka");
        List<String> command = new ArrayList<>(List.of(
                python.toString(),
                Repository.root()
                        .resolve("deploy/examples/python/read_results.py")
                        .toString(),
                "--bootstrap",
                broker.address(),
                "--prefix",
                prefix,
                "--masks",
                "--count",
                Integer.toString(STUDIES.size())));
        command.addAll(List.of(more));
        Path output = folder.resolve(prefix + "python.out");
        Path errors = folder.resolve(prefix + "python.err");
        Process process = new ProcessBuilder(command)
                .redirectOutput(output.toFile())
                .redirectError(errors.toFile())
                .start();
        try {
            assertThat(process.waitFor(Waiting.PATIENCE.toSeconds(), TimeUnit.SECONDS))
                    .as("ended in time")
                    .isTrue();
        } finally {
            process.destroyForcibly();
        }
        assertThat(process.exitValue()).as(Files.readString(errors)).isZero();
        List<JsonNode> told = parse(Files.readAllLines(output));
        for (JsonNode result : told) {
            long size = Files.size(Path.of(URI.create(result.get("mask").textValue())));
            assertThat(result.get("maskBytes").longValue()).isEqualTo(size);
        }
        return told;
    }

    private static List<JsonNode> parse(List<String> lines) throws IOException {
        List<JsonNode> results = new ArrayList<>();
        for (String line : lines) {
            results.add(JSON.readTree(line));
        }
        return results;
    }

    private static void assertTold(List<JsonNode> told, Map<String, Segmentation> written) {
        assertThat(told).hasSize(written.size());
        for (JsonNode result : told) {
            Segmentation expected = written.get(result.get("study").textValue());
            assertThat(result.get("revision").intValue()).isEqualTo(expected.getRevision());
            assertThat(result.get("trigger").textValue())
                    .isEqualTo(expected.getTrigger().name());
            assertThat(texts(result.get("used")))
                    .isEqualTo(expected.getUsed().stream()
                            .map(ScanReference::getModality)
                            .toList());
            assertThat(texts(result.get("missing")))
                    .isEqualTo(expected.getMissing().stream()
                            .map(AbsentModality::getModality)
                            .toList());
            List<String> weighted = new ArrayList<>();
            result.get("weights").fieldNames().forEachRemaining(weighted::add);
            assertThat(weighted).containsExactlyInAnyOrderElementsOf(texts(result.get("used")));
            assertThat(result.get("volumesMl").size())
                    .isEqualTo(expected.getVolumesMl().size());
            assertThat(result.get("maskSha256").textValue())
                    .isEqualTo(expected.getMask().getSha256());
        }
    }

    private static List<String> texts(JsonNode array) {
        List<String> texts = new ArrayList<>();
        array.forEach(text -> texts.add(text.textValue()));
        return texts;
    }
}
