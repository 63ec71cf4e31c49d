package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cloe.it.tools.Bundles;
import io.cloe.it.tools.CommandLines;
import io.cloe.it.tools.Outputs;
import io.cloe.it.tools.Studies;
import io.cloe.it.tools.TestCluster;
import io.cloe.it.tools.Waiting;
import io.cloe.schemas.ModelComparison;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.Segmentation;
import io.cloe.topology.Topics;
import io.cloe.worker.config.InferenceConfig;
import io.cloe.worker.config.StudySettings;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.kafka.WorkerProcess;
import io.cloe.worker.results.LatestRecords;
import io.cloe.worker.submit.ScanEvents;
import io.cloe.worker.submit.StudyFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** Topics of its own, a model repository, workers in this process, studies, and the command line. */
final class RolloutScene implements AutoCloseable {

    private static final int PARTITIONS = 2;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final TestCluster cluster;
    private final Topics topics;
    private final Path root;
    private final Path repository;
    private final Path bundle;
    private final Map<String, String> settings;
    private final CommandLines cloe;
    private final Outputs outputs;
    private final Studies studies;
    private int phantoms;

    private RolloutScene(String broker, String name, Path folder, Path bundle) throws Exception {
        this.bundle = bundle;
        String prefix = name + "-";
        cluster = new TestCluster(broker);
        topics = cluster.createTopics(prefix, PARTITIONS);
        root = Files.createDirectories(folder.resolve(name));
        repository = Files.createDirectories(root.resolve("models"));
        settings = cluster.workerSettings(root, bundle, folder);
        settings.put(WorkerConfig.TOPICS_PREFIX, prefix);
        settings.put(WorkerConfig.APPLICATION_ID, prefix + "group");
        settings.put(WorkerConfig.MODEL_REPOSITORY, repository.toString());
        settings.put(InferenceConfig.INFERENCE_THREADS, "1");
        settings.put(InferenceConfig.RESULT_CACHE_ENTRIES, "0"); // a cached mask would be equal anyway
        settings.put(InferenceConfig.RESULT_CACHE_MIB, "0");
        settings.put(StudySettings.STUDY_SETTLE, "300ms");
        cloe = new CommandLines(Map.of(WorkerConfig.BOOTSTRAP_SERVERS, broker, WorkerConfig.TOPICS_PREFIX, prefix));
        outputs = new Outputs(broker, topics);
        studies = new Studies(Files.createDirectories(root.resolve("volumes")), cluster.clients(prefix));
    }

    /**
     * A scene without workers.
     *
     * @param name unique among scenes at this broker
     * @param folder workers may read all below it
     * @param bundle the live model
     */
    static RolloutScene set(String broker, String name, Path folder, Path bundle) throws Exception {
        return new RolloutScene(broker, name, folder, bundle);
    }

    /** Starts a worker with the settings as they are now. */
    WorkerProcess worker(String name) throws Exception {
        Map<String, String> own = new TreeMap<>(settings);
        own.put(WorkerConfig.STATE_DIRECTORY, root.resolve("state-" + name).toString());
        WorkerProcess worker = WorkerProcess.start(WorkerConfig.of(own));
        assertThat(worker.awaitRunning(Waiting.PATIENCE)).isTrue();
        return worker;
    }

    Map<String, String> settings() {
        return settings;
    }

    CommandLines cloe() {
        return cloe;
    }

    Outputs outputs() {
        return outputs;
    }

    Topics topics() {
        return topics;
    }

    Path root() {
        return root;
    }

    Path repository() {
        return repository;
    }

    /** The name of the live model. */
    Bundles.Name live() throws IOException {
        return Bundles.name(bundle);
    }

    /** Puts another version of the live model into the repository. */
    Bundles.Name another(String name, String version) throws IOException {
        return Bundles.another(bundle, repository.resolve(name), version);
    }

    /** Puts a model that makes other masks than the tiny one into the repository. */
    Bundles.Name differing(String name, String version) throws IOException {
        return Bundles.differing(repository.resolve(name), version);
    }

    /** Waits until a worker tells of all these, as {@code model list} shows them. */
    void awaitKnown(String... shown) {
        Waiting.until("the bundles to be known").until(() -> {
            String list = cloe.run("model", "list");
            return Stream.of(shown).allMatch(list::contains);
        });
    }

    /** Waits until the workers have done all that was sent to them. */
    void awaitCaughtUp() {
        cluster.awaitCaughtUp(settings.get(WorkerConfig.APPLICATION_ID), topics);
    }

    // ---- studies for the tiny model

    /** A study that is complete at once. */
    Segmentation small(String studyId) throws Exception {
        return small(studyId, event -> {});
    }

    /** A study that is complete at once, its events changed before they are sent. */
    Segmentation small(String studyId, Consumer<ScanEvent.Builder> change) throws Exception {
        List<String> modalities = List.of("T1", "T2", "FLAIR");
        Map<String, Path> files = studies.noise(studyId, modalities);
        studies.submit(studyId, files, modalities, change);
        return outputs.awaitResult(studyId, 0);
    }

    // ---- studies for the shipped model

    /** Submits a subset of the modalities, each closed in another way. */
    String subset(int bits) throws Exception {
        List<String> all = List.of("T1", "T1CE", "T2", "FLAIR");
        List<String> modalities = new ArrayList<>();
        for (int i = 0; i < all.size(); i++) {
            if ((bits & 1 << i) != 0) {
                modalities.add(all.get(i));
            }
        }
        String study = "subset-" + bits;
        Map<String, Path> files = phantom(study);
        switch (bits % 3) {
            case 0 -> submit(study, files, modalities, event -> event.setExpectedModalities(modalities));
            case 1 -> {
                Instant soon = Instant.now().plusSeconds(1);
                submit(study, files, modalities, event -> event.setDeadline(soon));
            }
            default -> {
                submit(study, files, modalities, event -> {});
                outputs.await("all scans of " + study, () -> outputs.status(study)
                        .map(status -> status.getPresent().size() == modalities.size())
                        .orElse(false));
                cloe.run("force", study);
            }
        }
        return study;
    }

    /** Submits a study that is complete with some modalities. */
    String complete(String study, List<String> modalities) throws Exception {
        submit(study, phantom(study), modalities, event -> event.setExpectedModalities(modalities));
        return study;
    }

    /** Replaces a scan by that of another phantom. */
    void correct(String study, String modality) throws Exception {
        Path other = phantom(study + "-corrected").get(modality);
        studies.send(
                ScanEvents.available(study, modality, other, 1, Instant.now()).build());
    }

    /** Takes a scan back. */
    void retract(String study, String modality) throws Exception {
        studies.send(ScanEvents.retracted(study, modality, 1, Instant.now()).build());
    }

    /** Submits a scan more. */
    void more(String study, String modality) throws Exception {
        Path file = StudyFolder.below(root.resolve("volumes").resolve(study))
                .get(0)
                .volumes()
                .get(modality);
        studies.send(Studies.event(study, modality, file).build());
    }

    private Map<String, Path> phantom(String name) throws IOException {
        return studies.phantom(name, phantoms++);
    }

    private void submit(
            String study, Map<String, Path> files, List<String> modalities, Consumer<ScanEvent.Builder> change)
            throws Exception {
        studies.submit(study, files, modalities, change);
    }

    // ---- campaigns

    /** Starts a campaign and gives its name. */
    String begin(Bundles.Name model, String... options) {
        String said =
                cloe.run(Stream.concat(Arrays.stream(model.arguments("reprocess", "start")), Arrays.stream(options))
                        .toArray(String[]::new));
        return said.lines().findFirst().orElseThrow().replace("campaign ", "");
    }

    /** Waits until the list says something of a campaign. */
    void awaitListed(String campaign, String what) {
        Waiting.until("the list to say " + what).until(() -> cloe.run("reprocess", "list")
                .lines()
                .anyMatch(line -> line.startsWith(campaign) && line.contains(what)));
    }

    /** All comparisons so far. */
    List<ModelComparison> comparisons() {
        return LatestRecords.all(
                cluster.clients(settings.get(WorkerConfig.TOPICS_PREFIX)),
                topics.modelComparisons(),
                ModelComparison.class);
    }

    /** Runs a command that prints JSON objects. */
    List<JsonNode> json(String... arguments) throws IOException {
        List<JsonNode> objects = new ArrayList<>();
        for (String line : cloe.run(arguments).lines().toList()) {
            objects.add(JSON.readTree(line));
        }
        return objects;
    }

    @Override
    public void close() {
        studies.close();
        outputs.close();
        cluster.close();
    }
}
