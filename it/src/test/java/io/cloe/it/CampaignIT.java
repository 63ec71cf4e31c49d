package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.it.tools.Bundles;
import io.cloe.it.tools.CommandLines;
import io.cloe.it.tools.Outputs;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.Studies;
import io.cloe.it.tools.TestCluster;
import io.cloe.schemas.ModelComparison;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.Trigger;
import io.cloe.standalone.EmbeddedBroker;
import io.cloe.topology.Topics;
import io.cloe.worker.config.StudySettings;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.kafka.WorkerProcess;
import io.cloe.worker.results.LatestRecords;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A new model as its owner rolls it out, with the command line: compared, promoted, published, rolled back. */
class CampaignIT {

    private static final List<List<String>> SUBSETS =
            List.of(List.of("T1", "T1CE", "T2", "FLAIR"), List.of("T1CE", "T2", "FLAIR"), List.of("T1CE", "FLAIR"));

    @TempDir
    Path folder;

    @Test
    void shouldReplayByteForByteThenPromoteThenRollBackWhenAModelIsRolledOut() throws Exception {
        try (EmbeddedBroker kafka = EmbeddedBroker.start(Files.createDirectory(folder.resolve("kafka")), 0);
                TestCluster cluster = new TestCluster(kafka.address())) {
            Topics topics = cluster.createTopics("", 2);
            Path volumes = Files.createDirectory(folder.resolve("volumes"));
            Path repository = Files.createDirectory(folder.resolve("models"));
            Bundles.Name live = Bundles.name(Repository.shippedBundle());
            Bundles.Name next =
                    Bundles.another(Repository.shippedBundle(), repository.resolve("next"), live.version() + "-next");
            CommandLines cloe = new CommandLines(Map.of(WorkerConfig.BOOTSTRAP_SERVERS, kafka.address()));
            Map<String, String> settings = cluster.workerSettings(folder, Repository.shippedBundle(), volumes);
            settings.put(StudySettings.STUDY_TIMEOUT, "1s");
            settings.put(WorkerConfig.MODEL_REPOSITORY, repository.toString());
            settings.put(WorkerConfig.RESULT_CACHE_ENTRIES, "0"); // a cached mask would be equal anyway
            try (WorkerProcess worker = WorkerProcess.start(WorkerConfig.of(settings));
                    Studies studies = new Studies(volumes, cluster.clients(""));
                    Outputs outputs = new Outputs(kafka.address(), topics)) {
                assertThat(worker.awaitRunning(Duration.ofSeconds(120))).isTrue();
                for (int i = 0; i < SUBSETS.size(); i++) {
                    studies.submit("s" + i, studies.phantom("s" + i, i), SUBSETS.get(i));
                }
                for (int i = 0; i < SUBSETS.size(); i++) {
                    outputs.awaitResult("s" + i, 0);
                }

                assertThat(cloe.run("model", "list")).contains(next.id());
                cloe.run(live.arguments("reprocess", "start", "--wait"));
                List<ModelComparison> replayed = comparisons(cluster, topics);
                assertThat(replayed).hasSize(SUBSETS.size()).allSatisfy(one -> {
                    assertThat(one.getSameScans()).isTrue();
                    assertThat(one.getSameMask()).isTrue();
                    assertThat(one.getPublishedRevision()).isNull();
                });
                assertThat(replayed)
                        .extracting(ModelComparison::getDecision)
                        .contains(Trigger.COMPLETE, Trigger.DEADLINE);

                cloe.run(next.arguments("reprocess", "start", "--wait"));
                assertThat(comparisons(cluster, topics)).hasSize(2 * SUBSETS.size());
                cloe.run(next.arguments("model", "promote"));
                studies.submit("new", studies.phantom("new", 0), SUBSETS.get(0));
                assertThat(outputs.awaitResult("new", 0).getModel().getVersion())
                        .isEqualTo(next.version());
                cloe.run(next.arguments("reprocess", "start", "--publish", "--wait"));
                for (int i = 0; i < SUBSETS.size(); i++) {
                    Segmentation result = outputs.awaitResult("s" + i, 1);
                    assertThat(result.getTrigger()).isEqualTo(Trigger.REPROCESS);
                    assertThat(result.getSupersedes()).isZero();
                    assertThat(result.getModel().getVersion()).isEqualTo(next.version());
                }

                cloe.run("model", "rollback", live.family());
                studies.submit("newer", studies.phantom("newer", 1), SUBSETS.get(0));
                assertThat(outputs.awaitResult("newer", 0).getModel().getVersion())
                        .isEqualTo(live.version());
                assertThat(cloe.refused("reprocess", "start", live.family(), live.id(), "9.9"))
                        .contains("none of 1 running workers");
            }
        }
    }

    private static List<ModelComparison> comparisons(TestCluster cluster, Topics topics) {
        return LatestRecords.all(cluster.clients(""), topics.modelComparisons(), ModelComparison.class);
    }
}
