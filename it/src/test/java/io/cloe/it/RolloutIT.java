package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.cloe.it.tools.Bundles;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.Waiting;
import io.cloe.schemas.ModelComparison;
import io.cloe.schemas.ScanReference;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.Trigger;
import io.cloe.standalone.EmbeddedBroker;
import io.cloe.worker.config.StudySettings;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.kafka.WorkerProcess;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A new model as its owner rolls it out, with the command line: compared, promoted, published, rolled back, refused. */
class RolloutIT {

    @TempDir
    static Path folder;

    private static EmbeddedBroker kafka;

    @BeforeAll
    static void start() throws Exception {
        kafka = EmbeddedBroker.start(Files.createDirectory(folder.resolve("kafka")), 0);
    }

    @AfterAll
    static void stop() throws Exception {
        kafka.close();
    }

    @Test
    void shouldReplayEverySubsetAndTriggerByteForByteWhenTheModelIsTheSame() throws Exception {
        try (RolloutScene scene = scene("replay", Repository.shippedBundle());
                WorkerProcess worker = scene.worker("one")) {
            Map<String, Integer> last = new TreeMap<>();
            for (int bits = 1; bits < 16; bits++) {
                last.put(scene.subset(bits), 0);
            }
            String corrected = scene.complete("corrected", List.of("T2"));
            String late = scene.complete("late", List.of("FLAIR"));
            String retracted = scene.complete("retracted", List.of("T1", "FLAIR"));
            last.keySet().forEach(study -> scene.outputs().awaitResult(study, 0));
            for (String study : List.of(corrected, late, retracted)) {
                scene.outputs().awaitResult(study, 0);
                last.put(study, 1);
            }
            scene.correct(corrected, "T2");
            scene.more(late, "T2");
            scene.retract(retracted, "T1");
            last.forEach((study, revision) -> scene.outputs().awaitResult(study, revision));

            scene.cloe().run(scene.live().arguments("reprocess", "start", "--wait"));

            List<ModelComparison> replayed = scene.comparisons();
            assertThat(replayed).hasSize(last.size()).allSatisfy(one -> {
                Segmentation decided = scene.outputs()
                        .segmentation(one.getStudyId(), last.get(one.getStudyId()))
                        .orElseThrow();
                assertThat(one.getUsed()).isEqualTo(decided.getUsed());
                assertThat(one.getDecision()).isEqualTo(decided.getTrigger());
                assertThat(one.getSameMask()).isTrue();
                assertThat(Files.readAllBytes(mask(one.getMaskAfter().getUri())))
                        .isEqualTo(Files.readAllBytes(mask(decided.getMask().getUri())));
            });
            assertThat(replayed)
                    .extracting(ModelComparison::getDecision)
                    .contains(
                            Trigger.COMPLETE,
                            Trigger.DEADLINE,
                            Trigger.FORCED,
                            Trigger.CORRECTION,
                            Trigger.LATE_SCAN,
                            Trigger.RETRACTION);
            Set<Set<String>> subsets = new HashSet<>();
            replayed.forEach(one -> subsets.add(Set.copyOf(
                    one.getUsed().stream().map(ScanReference::getModality).toList())));
            assertThat(subsets).hasSize(15);
        }
    }

    private static Path mask(String uri) {
        return Path.of(URI.create(uri));
    }

    @Test
    void shouldGoFromShadowToPromotionToRollbackWhenAModelIsRolledOut() throws Exception {
        try (RolloutScene scene = scene("story", Repository.tinyBundle());
                WorkerProcess worker = scene.worker("one")) {
            Bundles.Name next = scene.differing("next", "1.1.0");
            scene.awaitKnown("1.1.0");
            List<String> studies = List.of("a", "b", "c", "d");
            Map<String, String> masks = new TreeMap<>();
            for (String study : studies) {
                masks.put(study, scene.small(study).getMask().getSha256());
            }

            assertThat(scene.cloe().run(next.arguments("reprocess", "dry-run")))
                    .contains("4 studies; the last 4 results took");
            String campaign = scene.begin(next, "--wait");
            assertThat(scene.cloe().run("reprocess", "list"))
                    .contains(campaign + "  tiny 1.1.0 shadow as-decided  [####################] 4 of 4 done");
            assertThat(scene.comparisons()).hasSize(4);
            assertThat(scene.outputs().segmentations("a")).hasSize(1);
            Path picture = scene.root().resolve("dice.svg");
            assertThat(scene.cloe()
                            .run("reprocess", "report", campaign, "--page", "http://page", "--svg", picture.toString()))
                    .contains("tiny 1.1.0 compared with tiny 1.0.0", "4 studies compared, 0 with the same mask")
                    .contains("http://page/#a");
            assertThat(picture).content().startsWith("<svg");

            scene.cloe().run(next.arguments("model", "promote"));
            assertThat(scene.small("new").getModel().getVersion()).isEqualTo("1.1.0");
            scene.begin(next, "--older-than", "1.1.0", "--publish", "--wait");
            for (String study : studies) {
                Segmentation result = scene.outputs().awaitResult(study, 1);
                assertThat(result.getTrigger()).isEqualTo(Trigger.REPROCESS);
                assertThat(result.getDecision()).isEqualTo(Trigger.COMPLETE);
                assertThat(result.getSupersedes()).isZero();
                assertThat(result.getModel().getVersion()).isEqualTo("1.1.0");
                assertThat(result.getMask().getSha256()).isNotEqualTo(masks.get(study));
            }

            List<JsonNode> rolledBack =
                    scene.json("model", "rollback", next.family(), "--republish", "--wait", "--json");
            assertThat(rolledBack.get(0).at("/live/version").asText()).isEqualTo("1.0.0");
            assertThat(rolledBack.get(0).at("/previous/version").asText()).isEqualTo("1.1.0");
            assertThat(rolledBack.get(2).get("done").asInt()).isEqualTo(5);
            for (String study : studies) {
                Segmentation result = scene.outputs().awaitResult(study, 2);
                assertThat(result.getModel().getVersion()).isEqualTo("1.0.0");
                assertThat(result.getMask().getSha256()).isEqualTo(masks.get(study));
            }
            assertThat(scene.outputs().awaitResult("new", 1).getModel().getVersion())
                    .isEqualTo("1.0.0");

            // Once more, as after a doubt whether it worked.
            assertThat(scene.cloe().run("model", "rollback", next.family(), "--republish", "--wait"))
                    .contains("tiny 1.0.0 is live already", "0 of 5 done, 5 skipped", "MODEL_ALREADY=5");
            assertThat(scene.small("last").getModel().getVersion()).isEqualTo("1.0.0");
        }
    }

    @Test
    void shouldSteerCampaignsAndCanariesWhenTheirOwnerSaysSo() throws Exception {
        try (RolloutScene scene = scene("steered", Repository.tinyBundle());
                WorkerProcess worker = scene.worker("one")) {
            Bundles.Name next = scene.another("next", "1.1.0");
            scene.awaitKnown("1.1.0");
            for (String study : List.of("a", "b", "c", "d", "e", "f")) {
                scene.small(study);
            }
            // Slower than the test: it is paused, resumed and cancelled long before its end.
            String slow = scene.begin(next, "--rate", "4");
            scene.awaitListed(slow, "2 running");
            scene.cloe().run("reprocess", "pause", slow);
            scene.awaitListed(slow, "2 paused");
            scene.cloe().run("reprocess", "resume", slow);
            scene.awaitListed(slow, "2 running");
            String second = scene.begin(next);
            scene.awaitListed(second, "2 waiting for ANOTHER_CAMPAIGN");
            assertThat(scene.json(next.arguments("reprocess", "dry-run", "--json"))
                            .get(0)
                            .get("studies")
                            .asInt())
                    .isEqualTo(6);
            scene.cloe().run("reprocess", "cancel", slow);
            scene.awaitListed(slow, "2 cancelled");
            scene.awaitListed(second, "6 of 6 done");
            assertThat(scene.cloe().refused("reprocess", "resume", slow)).contains("is over");
            assertThat(scene.cloe().refused("reprocess", "pause", "nobody")).contains("no campaign nobody");

            List<JsonNode> begun = scene.json(next.arguments("model", "canary", "--share", "1", "--json"));
            String canary = begun.get(0).get("campaign").asText();
            scene.awaitListed(canary, "2 running");
            Segmentation live = scene.small("after");
            assertThat(live.getModel().getVersion()).isEqualTo("1.0.0");
            scene.outputs()
                    .await("the canary's comparison", () -> scene.outputs().of("after", ModelComparison.class).stream()
                            .anyMatch(one -> one.getCampaignId().equals(canary)));
            assertThat(scene.json("reprocess", "report", canary, "--json")
                            .get(0)
                            .get("studies")
                            .asInt())
                    .isEqualTo(1);
            scene.cloe().run("reprocess", "cancel", canary);
        }
    }

    @Test
    void shouldRefuseOrWaitWithTheReasonInSightWhenInputIsWrong() throws Exception {
        try (RolloutScene scene = scene("wrong", Repository.tinyBundle());
                WorkerProcess worker = scene.worker("one")) {
            Bundles.changed(
                    Repository.tinyBundle(),
                    scene.repository().resolve("other-labels"),
                    manifest -> manifest.put("version", "1.2.0").put("labelScheme", "else"));
            scene.another("torn", "1.3.0");
            Files.write(scene.repository().resolve("torn/graphs/weights.bin"), new byte[8]);
            Bundles.Name next = scene.another("next", "1.1.0");
            scene.awaitKnown("1.1.0", "1.2.0", "folder torn");
            scene.small("a");

            String family = next.family();
            assertThat(scene.cloe().refused("reprocess", "start", family, "tiny", "9.9"))
                    .contains("none of 1 running workers has a model")
                    .contains("workers refused bundles");
            assertThat(scene.cloe().refused("model", "promote", "other-family", "tiny", "1.1.0"))
                    .contains("none of 1 running workers");
            assertThat(scene.cloe().refused("model", "canary", family, "tiny", "1.2.0"))
                    .contains("label scheme else");
            assertThat(scene.cloe().refused("model", "promote", family, "tiny", "1.2.0"))
                    .contains("label scheme else");
            assertThat(scene.cloe().refused(next.arguments("reprocess", "dry-run", "--site", "nowhere")))
                    .contains("no study with a result fits the selection");
            assertThat(scene.cloe().refused("model", "rollback", family)).contains("was promoted");
            assertThat(scene.cloe().refused(next.arguments("model", "canary", "--share", "0")))
                    .contains("allowed: above 0");

            // A second worker, which has no repository.
            scene.settings().remove(WorkerConfig.MODEL_REPOSITORY);
            Path late = Files.createDirectories(scene.root().resolve("late-models"));
            scene.settings().put(WorkerConfig.MODEL_REPOSITORY, late.toString());
            try (WorkerProcess second = scene.worker("two")) {
                assertThat(scene.cloe().refused(next.arguments("model", "promote")))
                        .contains("1 of 2 running workers do not have the model");
                for (String study : List.of("b", "c", "d", "e", "f", "g")) {
                    scene.small(study);
                }
                String campaign = scene.begin(next);
                scene.awaitListed(campaign, "1 waiting for MODEL_NOT_HERE");
                Bundles.another(Repository.tinyBundle(), late.resolve("next"), "1.1.0");
                scene.awaitListed(campaign, "7 of 7 done");
            }
        }
    }

    @Test
    void shouldBeginStudiesAnewWhenRetainedEventsAreSentOnceMoreAndChangeNoOthers() throws Exception {
        try (RolloutScene forgetful = scene("forgetful", Repository.tinyBundle());
                RolloutScene other = scene("other", Repository.tinyBundle())) {
            forgetful.settings().put(StudySettings.STUDY_RETENTION, "1s");
            try (WorkerProcess one = forgetful.worker("one");
                    WorkerProcess two = other.worker("two")) {
                Instant deadline = Instant.now().plusSeconds(1);
                forgetful.small("old", event -> event.setDeadline(deadline));
                other.small("kept");
                String topic = forgetful.topics().scanEvents();

                // Not expired yet at first: then nothing happens.
                Waiting.until("the expired study is segmented anew").until(() -> {
                    forgetful.cloe().run("submit", "--from-topic", topic, "--since", "1h");
                    forgetful.outputs().drain();
                    return forgetful.outputs().segmentations("old").size() > 1;
                });
                Segmentation anew = forgetful.outputs().segmentations("old").get(1);
                assertThat(anew.getRevision()).isZero();
                assertThat(anew.getUsed()).hasSize(3);

                assertThat(other.cloe()
                                .run("submit", "--from-topic", topic, "--since", "1h", "--study", "old", "--dry-run"))
                        .contains("3 events of 1 studies would be sent");
                for (int time = 0; time < 2; time++) {
                    other.cloe().run("submit", "--from-topic", topic, "--since", "1h", "--study", "old");
                    other.cloe().run("submit", "--from-topic", other.topics().scanEvents(), "--since", "1h");
                    assertThat(other.outputs().awaitResult("old", 0).getUsed()).hasSize(3);
                }
                other.small("marker-1");
                other.small("marker-2");
                other.awaitCaughtUp();
                other.outputs().drain();
                assertThat(other.outputs().segmentations("kept")).hasSize(1);
                assertThat(other.outputs().segmentations("old")).hasSize(1);
                assertThat(other.cloe().refused("submit", "--from-topic", "nothing", "--since", "1h"))
                        .contains("there is no topic nothing");
            }
        }
    }

    private static RolloutScene scene(String name, Path bundle) throws Exception {
        return RolloutScene.set(kafka.address(), name, folder, bundle);
    }
}
