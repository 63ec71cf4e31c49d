package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.it.tools.Outputs;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.Studies;
import io.cloe.it.tools.TestCluster;
import io.cloe.schemas.ModelComparison;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.Trigger;
import io.cloe.standalone.EmbeddedBroker;
import io.cloe.topology.Topics;
import io.cloe.worker.cli.CloeCommand;
import io.cloe.worker.config.StudySettings;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.kafka.WorkerProcess;
import io.cloe.worker.results.LatestRecords;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** A new model as its owner rolls it out, with the command line: compared, promoted, published, rolled back. */
class CampaignIT {

    private static final String FAMILY = "brain-glioma";
    private static final List<List<String>> SUBSETS =
            List.of(List.of("T1", "T1CE", "T2", "FLAIR"), List.of("T1CE", "T2", "FLAIR"), List.of("T1CE", "FLAIR"));

    @TempDir
    Path folder;

    private String broker;

    @Test
    void shouldReplayByteForByteThenPromoteThenRollBackWhenAModelIsRolledOut() throws Exception {
        try (EmbeddedBroker kafka = EmbeddedBroker.start(Files.createDirectory(folder.resolve("kafka")), 0);
                TestCluster cluster = new TestCluster(kafka.address())) {
            broker = kafka.address();
            Topics topics = cluster.createTopics("", 2);
            Path volumes = Files.createDirectory(folder.resolve("volumes"));
            Path repository = Files.createDirectory(folder.resolve("models"));
            String id = nextVersion(Repository.shippedBundle(), repository.resolve("next"));
            String version = version(Repository.shippedBundle());
            Map<String, String> settings = cluster.workerSettings(folder, Repository.shippedBundle(), volumes);
            settings.put(StudySettings.STUDY_TIMEOUT, "1s");
            settings.put(WorkerConfig.MODEL_REPOSITORY, repository.toString());
            settings.put(WorkerConfig.RESULT_CACHE_ENTRIES, "0"); // a cached mask would be equal anyway
            try (WorkerProcess worker = WorkerProcess.start(WorkerConfig.of(settings));
                    Studies studies = new Studies(volumes, cluster.clients(""));
                    Outputs outputs = new Outputs(broker, topics)) {
                assertThat(worker.awaitRunning(Duration.ofSeconds(120))).isTrue();
                for (int i = 0; i < SUBSETS.size(); i++) {
                    studies.submit("s" + i, studies.phantom("s" + i, i), SUBSETS.get(i));
                }
                for (int i = 0; i < SUBSETS.size(); i++) {
                    outputs.awaitResult("s" + i, 0);
                }

                assertThat(cloe("model", "list")).contains(id);
                cloe("reprocess", "start", FAMILY, id, version, "--wait");
                List<ModelComparison> replayed = comparisons(cluster, topics);
                assertThat(replayed).hasSize(SUBSETS.size()).allSatisfy(one -> {
                    assertThat(one.getSameScans()).isTrue();
                    assertThat(one.getSameMask()).isTrue();
                    assertThat(one.getPublishedRevision()).isNull();
                });
                assertThat(replayed)
                        .extracting(ModelComparison::getDecision)
                        .contains(Trigger.COMPLETE, Trigger.DEADLINE);

                cloe("reprocess", "start", FAMILY, id, version + "-next", "--wait");
                assertThat(comparisons(cluster, topics)).hasSize(2 * SUBSETS.size());
                cloe("model", "promote", FAMILY, id, version + "-next");
                studies.submit("new", studies.phantom("new", 0), SUBSETS.get(0));
                assertThat(outputs.awaitResult("new", 0).getModel().getVersion())
                        .isEqualTo(version + "-next");
                cloe("reprocess", "start", FAMILY, id, version + "-next", "--publish", "--wait");
                for (int i = 0; i < SUBSETS.size(); i++) {
                    Segmentation result = outputs.awaitResult("s" + i, 1);
                    assertThat(result.getTrigger()).isEqualTo(Trigger.REPROCESS);
                    assertThat(result.getSupersedes()).isZero();
                    assertThat(result.getModel().getVersion()).isEqualTo(version + "-next");
                }

                cloe("model", "rollback", FAMILY);
                studies.submit("newer", studies.phantom("newer", 1), SUBSETS.get(0));
                assertThat(outputs.awaitResult("newer", 0).getModel().getVersion())
                        .isEqualTo(version);
                assertThat(cloeFails("reprocess", "start", FAMILY, id, "9.9")).contains("none of 1 running workers");
            }
        }
    }

    private static List<ModelComparison> comparisons(TestCluster cluster, Topics topics) {
        return LatestRecords.all(cluster.clients(""), topics.modelComparisons(), ModelComparison.class);
    }

    private static ObjectNode manifest(Path bundle) throws Exception {
        return (ObjectNode)
                new ObjectMapper().readTree(bundle.resolve("manifest.json").toFile());
    }

    private static ObjectNode naming(ObjectNode manifest) {
        return manifest.has("version") && manifest.has("id") ? manifest : (ObjectNode) manifest.get("model");
    }

    private static String version(Path bundle) throws Exception {
        return naming(manifest(bundle)).get("version").asText();
    }

    /** The same network under another version: other digests, so another model to everybody. */
    private static String nextVersion(Path bundle, Path target) throws Exception {
        try (Stream<Path> files = Files.walk(bundle)) {
            for (Path file : files.toList()) {
                Files.copy(file, target.resolve(bundle.relativize(file).toString()));
            }
        }
        ObjectNode manifest = manifest(bundle);
        ObjectNode naming = naming(manifest);
        naming.put("version", naming.get("version").asText() + "-next");
        new ObjectMapper().writeValue(target.resolve("manifest.json").toFile(), manifest);
        return naming.get("id").asText();
    }

    private String cloe(String... arguments) {
        StringWriter said = new StringWriter();
        int code = run(said, arguments);
        assertThat(code).as(said.toString()).isZero();
        return said.toString();
    }

    private String cloeFails(String... arguments) {
        StringWriter said = new StringWriter();
        assertThat(run(said, arguments)).isNotZero();
        return said.toString();
    }

    private int run(StringWriter said, String... arguments) {
        CommandLine command = CloeCommand.commandLine();
        command.setOut(new PrintWriter(said, true));
        command.setErr(new PrintWriter(said, true));
        String[] all = Stream.concat(Stream.of(arguments), Stream.of("-D", "bootstrap.servers=" + broker))
                .toArray(String[]::new);
        return command.execute(all);
    }
}
