package io.cloe.worker.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.schemas.ModelAssignment;
import io.cloe.schemas.ModelReadiness;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.ModelState;
import io.cloe.schemas.ReadyModel;
import io.cloe.topology.Topics;
import io.cloe.worker.RecordedLog;
import io.cloe.worker.bundle.BundleFixture;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.bundle.ModelIdentity;
import io.cloe.worker.kafka.StartupException.Kind;
import io.cloe.worker.models.ModelRepository;
import io.cloe.worker.models.StoredFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LiveModelsTest {

    private static final Topics TOPICS = Topics.withPrefix("");
    private static final Duration IDLE = Duration.ofMinutes(10);
    private static final TopicPartition ASSIGNMENTS = new TopicPartition(TOPICS.modelAssignments(), 0);

    @TempDir
    Path repository;

    @TempDir
    Path cache;

    private final MockConsumer<String, ModelAssignment> consumer = new MockConsumer<>("earliest");
    private final MockProducer<String, ModelReadiness> producer =
            new MockProducer<>(true, null, new StringSerializer(), (topic, readiness) -> new byte[0]);
    private final Engines engines = new Engines();
    private final SteppedClock clock = new SteppedClock();
    private final ModelBundle live = BundleFixture.openTiny();
    private long offset;

    @BeforeEach
    void topic() {
        consumer.updatePartitions(
                TOPICS.modelAssignments(), List.of(new PartitionInfo(TOPICS.modelAssignments(), 0, null, null, null)));
        consumer.updateBeginningOffsets(Map.of(ASSIGNMENTS, 0L));
        consumer.updateEndOffsets(Map.of(ASSIGNMENTS, 0L));
    }

    @Test
    void shouldLoadAndMakeLiveWhenAModelIsAssigned() throws Exception {
        ModelReference next = bundle("next", manifest -> manifest.put("version", "2.0.0"));
        LiveModels models = begin();

        assign(next);
        models.pass();

        assertThat(engines.done).containsExactly("load 2.0.0", "live 2.0.0");
        assertThat(told().get("2.0.0").getState()).isEqualTo(ModelState.LIVE);
        assertThat(told().get("1.0.0").getState()).isEqualTo(ModelState.LOADED);
    }

    @Test
    void shouldGoOnAndSayItOnceWhenTheAssignedModelIsNotHere() throws Exception {
        LiveModels models = begin();

        try (RecordedLog log = new RecordedLog()) {
            assign(new ModelReference("test-family", "tiny", "9.0.0", "unknown"));
            for (int pass = 0; pass < 5; pass++) {
                models.pass();
                clock.step(Duration.ofSeconds(2));
            }

            assertThat(log.text().lines().filter(line -> line.contains("is not here yet")))
                    .hasSize(1);
        }
        assertThat(engines.done).isEmpty();
        ModelReference late = bundle("late", manifest -> manifest.put("version", "9.0.0"));
        assign(late);
        models.pass();
        assertThat(engines.done).containsExactly("load 9.0.0", "live 9.0.0");
    }

    @Test
    void shouldRefuseVisiblyWhenTheModelHasAnotherLabelScheme() throws Exception {
        ModelReference other =
                bundle("other", manifest -> manifest.put("version", "2.0.0").put("labelScheme", "else"));
        LiveModels models = begin();

        assertThat(models.serves(other)).isFalse();
        models.pass();

        assertThat(models.serves(other)).isFalse();
        assertThat(told().get("2.0.0").getState()).isEqualTo(ModelState.REFUSED);
        assertThat(told().get("2.0.0").getProblem()).contains("label scheme else");
        assertThat(engines.done).isEmpty();
    }

    @Test
    void shouldRefuseVisiblyWhenTheModelDoesNotReproduceItsGoldenWindow() throws Exception {
        ModelReference other = bundle("other", manifest -> manifest.put("version", "2.0.0"));
        engines.refuses = "GOLDEN_MISMATCH";
        LiveModels models = begin();

        models.serves(other);
        models.pass();

        assertThat(told().get("2.0.0").getState()).isEqualTo(ModelState.REFUSED);
        assertThat(told().get("2.0.0").getProblem()).isEqualTo("GOLDEN_MISMATCH");
    }

    @Test
    void shouldTellWhichFoldersWereRefusedAndTakeThemWhenTheyAreMended() throws Exception {
        bundle("torn", manifest -> manifest.put("version", "2.0.0"));
        Path weights = repository.resolve("torn/graphs/weights.bin");
        byte[] bytes = Files.readAllBytes(weights);
        Files.write(weights, new byte[] {1, 2, 3});
        LiveModels models = begin();

        assertThat(lastTold().getRefusedFolders()).containsOnlyKeys("torn");
        Files.write(weights, bytes);
        clock.step(Duration.ofSeconds(10));
        models.pass();

        assertThat(lastTold().getRefusedFolders()).isEmpty();
        assertThat(told().get("2.0.0").getState()).isEqualTo(ModelState.KNOWN);
    }

    @Test
    void shouldUnloadWhenNobodyAskedForItInAWhileAndLoadItAgainWhenSomebodyDoes() throws Exception {
        ModelReference next = bundle("next", manifest -> manifest.put("version", "2.0.0"));
        LiveModels models = begin();
        models.serves(next);
        models.pass();
        assertThat(models.serves(next)).isTrue();

        clock.step(IDLE.minusSeconds(1));
        models.pass();
        assertThat(models.serves(next)).isTrue();
        clock.step(IDLE);
        models.pass();

        assertThat(engines.done).containsExactly("load 2.0.0", "unload 2.0.0");
        assertThat(told().get("2.0.0").getState()).isEqualTo(ModelState.KNOWN);
        assertThat(models.serves(next)).isFalse();
        models.pass();
        assertThat(models.serves(next)).isTrue();
    }

    @Test
    void shouldKeepWhatAJobNamesAndWhatIsLive() throws Exception {
        ModelReference next = bundle("next", manifest -> manifest.put("version", "2.0.0"));
        LiveModels models = begin();
        models.serves(next);
        models.pass();
        engines.named.add(next.getSha256());

        clock.step(IDLE.multipliedBy(3));
        models.pass();
        assertThat(engines.done).doesNotContain("unload 2.0.0");

        engines.named.clear();
        models.pass();
        assertThat(engines.done).containsExactly("load 2.0.0", "unload 2.0.0");
    }

    @Test
    void shouldUnloadTheFormerModelSomeTimeAfterAPromotionAndHaveItBackWhenRolledBack() throws Exception {
        ModelReference next = bundle("next", manifest -> manifest.put("version", "2.0.0"));
        LiveModels models = begin();
        assign(next);
        models.pass();
        clock.step(IDLE);
        models.pass();
        assertThat(engines.done).endsWith("unload 1.0.0");

        assign(reference(live));
        models.pass();

        assertThat(engines.done).endsWith("load 1.0.0", "live 1.0.0");
    }

    @Test
    void shouldNotStartWhenTheAssignedModelIsNotHere() {
        LiveModels models = models(ModelRepository.inFolder(repository));
        assign(new ModelReference("test-family", "tiny", "9.0.0", "unknown"));

        assertThatThrownBy(models::begin)
                .isInstanceOf(StartupException.class)
                .hasMessageContaining("test-family tiny 9.0.0")
                .hasMessageContaining("not found");
    }

    @Test
    void shouldFetchABundleWhenItIsAssignedAndKeepTheFormerOneForARollback() throws Exception {
        ModelReference next = bundle("next", manifest -> manifest.put("version", "2.0.0"));
        ModelReference unasked = bundle("unasked", manifest -> manifest.put("version", "3.0.0"));
        try (ModelRepository bucket = bucket(new StoredFiles(repository))) {
            LiveModels models = begin(bucket);
            assertThat(told().get("2.0.0").getState()).isEqualTo(ModelState.KNOWN);

            assign(next);
            models.pass();
            assertThat(engines.done).as("no pass waits for a store").isEmpty();
            bucket.settle();
            clock.step(Duration.ofSeconds(1));
            models.pass();

            assertThat(engines.done).containsExactly("load 2.0.0", "live 2.0.0");
            assertThat(told().get("2.0.0").getState()).isEqualTo(ModelState.LIVE);
            assertThat(cache.resolve(unasked.getSha256())).doesNotExist();

            assign(reference(live), next);
            models.pass();
            clock.step(IDLE);
            models.pass();
            assertThat(engines.done).endsWith("live 1.0.0", "unload 2.0.0");
            assertThat(cache.resolve(next.getSha256())).isDirectory();
            assign(reference(live), reference(live));
            models.pass();
            clock.step(IDLE);
            models.pass();
            assertThat(cache.resolve(next.getSha256())).doesNotExist();
            assertThat(told().get("2.0.0").getState()).isEqualTo(ModelState.KNOWN);
        }
    }

    @Test
    void shouldGoOnAndSayWhyWhenTheStoreOfAnAssignedBundleIsAway() throws Exception {
        ModelReference next = bundle("next", manifest -> manifest.put("version", "2.0.0"));
        StoredFiles objects = new StoredFiles(repository);
        try (ModelRepository bucket = bucket(objects)) {
            LiveModels models = begin(bucket);
            objects.away(true);

            assign(next);
            models.pass();
            bucket.settle();
            clock.step(Duration.ofSeconds(1));
            models.pass();

            assertThat(engines.done).isEmpty();
            assertThat(told().get("1.0.0").getState()).isEqualTo(ModelState.LIVE);
            assertThat(told().get("2.0.0").getState()).isEqualTo(ModelState.KNOWN);
            assertThat(told().get("2.0.0").getProblem()).startsWith("its files cannot be fetched");
        }
    }

    @Test
    void shouldRefuseVisiblyWhenAFetchedFileIsNotWhatTheManifestSays() throws Exception {
        ModelReference next = bundle("next", manifest -> manifest.put("version", "2.0.0"));
        Path weights = repository.resolve("next/graphs/weights.bin");
        byte[] bytes = Files.readAllBytes(weights);
        bytes[0] ^= 1;
        Files.write(weights, bytes);
        try (ModelRepository bucket = bucket(new StoredFiles(repository))) {
            LiveModels models = begin(bucket);

            models.serves(next);
            models.pass();
            bucket.settle();
            clock.step(Duration.ofSeconds(10));
            models.pass();

            assertThat(models.serves(next)).isFalse();
            assertThat(told().get("2.0.0").getState()).isEqualTo(ModelState.REFUSED);
            assertThat(told().get("2.0.0").getProblem()).startsWith("FILE_CHANGED: files: 'graphs/weights.bin'");
            assertThat(engines.done).isEmpty();
        }
    }

    @Test
    void shouldFetchTheAssignedBundleBeforeTheFirstJob() throws Exception {
        ModelReference next = bundle("next", manifest -> manifest.put("version", "2.0.0"));
        try (ModelRepository bucket = bucket(new StoredFiles(repository))) {
            LiveModels models = models(bucket);
            assign(next);

            models.begin();

            assertThat(engines.done).containsExactly("load 2.0.0", "live 2.0.0");
        }
    }

    @Test
    void shouldNotStartWhenTheStoreOfTheAssignedBundleIsAway() throws Exception {
        ModelReference next = bundle("next", manifest -> manifest.put("version", "2.0.0"));
        StoredFiles objects = new StoredFiles(repository);
        objects.away(true);
        try (ModelRepository bucket = bucket(objects)) {
            LiveModels models = models(bucket);
            assign(next);

            assertThatThrownBy(models::begin)
                    .isInstanceOf(StartupException.class)
                    .hasMessageContaining("model.repository cannot be read: UNAVAILABLE");
        }
    }

    private ModelRepository bucket(StoredFiles objects) throws IOException {
        return ModelRepository.inBucket(objects, cache);
    }

    private LiveModels models(ModelRepository repository) {
        return new LiveModels(TOPICS, repository, List.of(live), engines, IDLE, consumer, producer, clock);
    }

    private LiveModels begin() throws StartupException, InterruptedException {
        return begin(ModelRepository.inFolder(repository));
    }

    private LiveModels begin(ModelRepository repository) throws StartupException, InterruptedException {
        LiveModels models = models(repository);
        models.begin();
        return models;
    }

    private void assign(ModelReference model) {
        assign(model, reference(live));
    }

    private void assign(ModelReference model, ModelReference previous) {
        consumer.addRecord(new ConsumerRecord<>(
                TOPICS.modelAssignments(),
                0,
                offset++,
                model.getFamily(),
                new ModelAssignment(model.getFamily(), model, previous, clock.instant())));
        consumer.updateEndOffsets(Map.of(ASSIGNMENTS, offset));
    }

    private ModelReadiness lastTold() {
        return producer.history().get(producer.history().size() - 1).value();
    }

    private Map<String, ReadyModel> told() {
        Map<String, ReadyModel> byVersion = new java.util.HashMap<>();
        lastTold().getModels().forEach(one -> byVersion.put(one.getModel().getVersion(), one));
        return byVersion;
    }

    private ModelReference bundle(String folder, Consumer<ObjectNode> change) throws IOException {
        Path copy = BundleFixture.copy(BundleFixture.tiny(), repository.resolve(folder));
        ObjectNode manifest = BundleFixture.manifest(copy);
        change.accept(manifest);
        BundleFixture.JSON.writeValue(copy.resolve("manifest.json").toFile(), manifest);
        ModelRepository look = ModelRepository.inFolder(repository);
        look.look();
        return look.bundles().stream()
                .filter(bundle -> bundle.identity()
                        .version()
                        .equals(manifest.get("version").asText()))
                .map(LiveModelsTest::reference)
                .findFirst()
                .orElseThrow();
    }

    private static ModelReference reference(ModelBundle bundle) {
        ModelIdentity identity = bundle.identity();
        return new ModelReference(identity.family(), identity.id(), identity.version(), identity.digest());
    }

    /** Writes down what is done. */
    private static final class Engines implements LiveModels.Engines {

        private final List<String> done = new ArrayList<>();
        private final Set<String> named = new HashSet<>();
        private final Map<String, String> versions = new java.util.HashMap<>(
                Map.of(BundleFixture.openTiny().identity().digest(), "1.0.0"));
        private final Set<String> inMemory = new HashSet<>();
        private String refuses;

        @Override
        public void load(ModelBundle bundle) throws StartupException {
            if (refuses != null) {
                throw new StartupException(Kind.MODEL, refuses);
            }
            versions.put(bundle.identity().digest(), bundle.identity().version());
            inMemory.add(bundle.identity().digest());
            done.add("load " + bundle.identity().version());
        }

        @Override
        public void makeLive(String digest) {
            done.add("live " + versions.get(digest));
        }

        @Override
        public boolean isNamed(String digest) {
            return named.contains(digest);
        }

        @Override
        public void unload(String digest) {
            inMemory.remove(digest);
            done.add("unload " + versions.get(digest));
        }

        @Override
        public Set<String> inMemory() {
            return inMemory;
        }
    }

    /** Stands still until it is told to go on. */
    private static final class SteppedClock extends Clock {

        private Instant now = Instant.parse("2026-01-05T08:00:00Z");

        void step(Duration time) {
            now = now.plus(time);
        }

        @Override
        public Instant instant() {
            return now;
        }

        @Override
        public ZoneId getZone() {
            return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(ZoneId zone) {
            return this;
        }
    }
}
