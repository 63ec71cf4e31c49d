package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cloe.it.tools.Outputs;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.Studies;
import io.cloe.it.tools.TestCluster;
import io.cloe.it.tools.Waiting;
import io.cloe.schemas.FailureReason;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.ScanReference;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyPhase;
import io.cloe.schemas.StudyStatus;
import io.cloe.schemas.Trigger;
import io.cloe.standalone.EmbeddedBroker;
import io.cloe.worker.cli.CloeCommand;
import io.cloe.worker.cli.ExitCode;
import io.cloe.worker.config.InferenceConfig;
import io.cloe.worker.config.StudySettings;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.kafka.WorkerProcess;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** One worker, two model families of four and of two modalities, and rules that differ by what the events say. */
class StudyRulesIT {

    private static final String RULES =
            """
            rules:
              - name: emergency
                when:
                  attributes: { urgency: [stat, urgent] }
                timeout: 1s
              - name: prostate protocol
                when:
                  attributes: { protocol: prostate }
                model-family: prostate
                required: T2
                on-incomplete: wait
            """;

    @TempDir
    static Path folder;

    private static EmbeddedBroker broker;
    private static TestCluster cluster;
    private static Map<String, String> settings;
    private static WorkerProcess worker;
    private static Studies studies;
    private static Outputs outputs;

    @BeforeAll
    static void start() throws Exception {
        broker = EmbeddedBroker.start(Files.createDirectory(folder.resolve("kafka")), 0);
        cluster = new TestCluster(broker.address());
        Path volumes = Files.createDirectory(folder.resolve("volumes"));
        settings = cluster.workerSettings(folder, Repository.shippedBundle(), volumes);
        settings.put(WorkerConfig.MODEL_BUNDLES, Repository.shippedBundle() + "," + Repository.prostateBundle());
        settings.put(InferenceConfig.INFERENCE_THREADS, "1");
        settings.put(StudySettings.STUDY_TIMEOUT, "1h");
        settings.put(
                StudySettings.STUDY_RULES,
                Files.writeString(folder.resolve("rules.yaml"), RULES).toString());
        outputs = new Outputs(broker.address(), cluster.createTopics("", 2));
        worker = WorkerProcess.start(WorkerConfig.of(settings));
        assertThat(worker.awaitRunning(Waiting.PATIENCE)).isTrue();
        studies = new Studies(volumes, cluster.clients(""));
    }

    @AfterAll
    static void stop() throws Exception {
        for (AutoCloseable part : new AutoCloseable[] {outputs, studies, worker, cluster, broker}) {
            if (part != null) {
                part.close();
            }
        }
    }

    @Test
    void shouldServeTwoFamiliesSideBySideWhenARuleChoosesOne() throws Exception {
        Map<String, Path> volumes = withApparentDiffusion("families");
        studies.submit("prostate-1", volumes, List.of("ADC", "T2"), attribute("protocol", "prostate"));
        studies.submit("glioma-1", volumes, List.of("T1", "T1CE", "T2", "FLAIR"));
        studies.submit("prostate-2", volumes, List.of("T2", "ADC"), event -> event.setModelFamily("prostate"));

        Segmentation prostate = outputs.awaitResult("prostate-1", 0);
        Segmentation glioma = outputs.awaitResult("glioma-1", 0);
        Segmentation named = outputs.awaitResult("prostate-2", 0);

        assertThat(prostate.getModel().getFamily()).isEqualTo("prostate");
        assertThat(prostate.getTrigger()).isEqualTo(Trigger.COMPLETE);
        assertThat(used(prostate)).containsExactlyInAnyOrder("T2", "ADC");
        assertThat(prostate.getMissing()).isEmpty();
        assertThat(prostate.getVolumesMl()).containsOnlyKeys("PROSTATE", "GLAND", "LESION");
        assertThat(prostate.getMask().getLabelScheme())
                .startsWith("test-prostate: ")
                .contains("LESION ");
        assertThat(Path.of(URI.create(prostate.getMask().getUri()))).isNotEmptyFile();
        assertThat(glioma.getModel().getFamily()).isEqualTo("brain-glioma");
        assertThat(used(glioma)).containsExactlyInAnyOrder("T1", "T1CE", "T2", "FLAIR");
        assertThat(named.getModel()).isEqualTo(prostate.getModel());
        assertThat(outputs.awaitPhase("prostate-1", StudyPhase.SEGMENTED).getRule())
                .isEqualTo("prostate protocol");
        assertThat(outputs.awaitPhase("prostate-2", StudyPhase.SEGMENTED).getRule())
                .isNull();
    }

    @Test
    void shouldRunAtItsRulesDeadlineWhenAFurtherEventMakesAStudyUrgent() throws Exception {
        Map<String, Path> volumes = withApparentDiffusion("urgent");
        studies.submit("urgent-1", volumes, List.of("T1"));
        studies.submit("urgent-1", volumes, List.of("FLAIR"), attribute("urgency", "stat"));

        Segmentation result = outputs.awaitResult("urgent-1", 0);

        assertThat(result.getTrigger()).isEqualTo(Trigger.DEADLINE);
        assertThat(used(result)).containsExactlyInAnyOrder("T1", "FLAIR");
        assertThat(outputs.awaitPhase("urgent-1", StudyPhase.SEGMENTED).getRule())
                .isEqualTo("emergency");
        assertThat(cloe("why", "urgent-1")).contains("rule      emergency");
    }

    @Test
    void shouldRefuseAnEventOfAnotherFamilyThanItsStudys() throws Exception {
        Map<String, Path> volumes = withApparentDiffusion("mixed");
        studies.submit("mixed-1", volumes, List.of("T1"));
        studies.submit("mixed-1", volumes, List.of("T2"), attribute("protocol", "prostate"));

        outputs.await("a refusal", () -> !outputs.failures("mixed-1").isEmpty());

        assertThat(outputs.failures("mixed-1")).containsExactly(Outputs.text(FailureReason.INVALID_EVENT, "T2"));
        StudyStatus status = outputs.awaitPhase("mixed-1", StudyPhase.COLLECTING);
        assertThat(status.getPresent()).containsExactly("T1");
    }

    /** The worker waits an hour for this study; the tried rules would not have. */
    @Test
    void shouldSayWhatOtherRulesWouldHaveDoneWithTheRecordedEvents() throws Exception {
        Map<String, Path> volumes = withApparentDiffusion("recorded");
        studies.submit("recorded-1", volumes, List.of("T1", "T2"), attribute("site", "north"));
        outputs.awaitPhase("recorded-1", StudyPhase.COLLECTING);
        Path tried = Files.writeString(
                folder.resolve("tried.yaml"),
                "rules: [{name: north, when: {attributes: {site: north}}, timeout: 2m, required: T1 or FLAIR}]");

        JsonNode report = new ObjectMapper().readTree(cloe("rules", "dry-run", tried.toString(), "--json"));

        Map<String, JsonNode> results = new TreeMap<>();
        report.get("results")
                .forEach(result -> results.put(result.get("studyId").asText(), result));
        JsonNode north = results.get("recorded-1");
        assertThat(north.get("rule").asText()).isEqualTo("north");
        assertThat(north.get("trigger").asText()).isEqualTo("DEADLINE");
        assertThat(Duration.ofMillis(north.get("waitedMs").asLong()))
                .isBetween(Duration.ofMinutes(2), Duration.ofSeconds(121));
        assertThat(report.get("unreadable").asInt()).isZero();
        assertThat(cloe("rules", "dry-run", tried.toString(), "--studies"))
                .contains("recorded-1 revision 0, DEADLINE, T1 T2, 2m after its first event, rule north");
        assertThat(cloe("rules", "check"))
                .contains("prostate protocol: when protocol is prostate; served by prostate")
                .contains("timeout 1h, required T2, else wait");
    }

    /** The phantom's four volumes, and one of them as a fifth modality of the other family. */
    private static Map<String, Path> withApparentDiffusion(String name) throws Exception {
        Map<String, Path> volumes = new TreeMap<>(studies.phantom(name, 2));
        volumes.put("ADC", volumes.get("FLAIR"));
        return volumes;
    }

    private static Consumer<ScanEvent.Builder> attribute(String name, String value) {
        return event -> event.setAttributes(Map.of(name, value));
    }

    private static List<String> used(Segmentation result) {
        return result.getUsed().stream().map(ScanReference::getModality).toList();
    }

    private static String cloe(String... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        CommandLine command =
                CloeCommand.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true));
        List<String> all = new ArrayList<>(List.of(arguments));
        for (String key :
                List.of(WorkerConfig.BOOTSTRAP_SERVERS, WorkerConfig.MODEL_BUNDLES, StudySettings.STUDY_TIMEOUT)) {
            all.add("-D" + key + "=" + settings.get(key));
        }
        if (!all.contains("dry-run")) {
            all.add("-D" + StudySettings.STUDY_RULES + "=" + settings.get(StudySettings.STUDY_RULES));
        }
        assertThat(command.execute(all.toArray(String[]::new)))
                .as(err.toString())
                .isEqualTo(ExitCode.OK);
        return out.toString();
    }
}
