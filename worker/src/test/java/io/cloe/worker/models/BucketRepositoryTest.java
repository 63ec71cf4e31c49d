package io.cloe.worker.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.worker.bundle.BundleFixture;
import io.cloe.worker.bundle.BundleReader;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.models.ModelRepository.Absence.State;
import io.cloe.worker.volume.Sha256;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BucketRepositoryTest {

    private static final String WEIGHTS = "next/graphs/weights.bin";

    @TempDir
    Path folder;

    private Path bucket;
    private Path cache;
    private StoredFiles objects;
    private ModelRepository repository;

    @BeforeEach
    void open() throws IOException {
        bucket = Files.createDirectory(folder.resolve("bucket"));
        cache = folder.resolve("cache");
        objects = new StoredFiles(bucket);
        repository = repository();
    }

    @AfterEach
    void close() {
        repository.close();
    }

    private ModelRepository repository() throws IOException {
        return new BucketRepository(objects, BundleCache.open(cache), Duration.ZERO);
    }

    private void reopen() throws IOException {
        repository.close();
        repository = repository();
    }

    @Test
    void shouldReadNothingButManifestsWhenNobodyAsksForABundle() throws Exception {
        String next = put("next", "2.0.0");
        put("other", "3.0.0");

        look();

        assertThat(repository.bundles())
                .extracting(bundle -> bundle.identity().version())
                .containsExactlyInAnyOrder("2.0.0", "3.0.0");
        assertThat(repository.refused()).isEmpty();
        assertThat(objects.copied()).containsExactlyInAnyOrder("next/manifest.json", "other/manifest.json");
        assertThat(repository.absence(next)).isEmpty();

        look();
        assertThat(objects.copied()).as("nothing has changed").hasSize(2);
    }

    @Test
    void shouldHaveTheWholeBundleAtHandWhenItWasAskedFor() throws Exception {
        String next = put("next", "2.0.0");
        look();

        assertThat(fetch(next)).isTrue();

        ModelBundle bundle = repository.find(next).orElseThrow();
        assertThat(bundle.files().root()).isEqualTo(cache.toRealPath().resolve(next));
        assertThat(BundleReader.open(cache.resolve(next)).identity()).isEqualTo(bundle.identity());
        for (String file : bundle.files().listed().keySet()) {
            bundle.files().verify(file);
        }
        assertThat(repository.absence(next)).isEmpty();
        assertThat(repository.bundles()).hasSize(1);
    }

    @Test
    void shouldRefuseWhenAnObjectWasTamperedWithAndTakeItWhenItIsMended() throws Exception {
        String next = put("next", "2.0.0");
        byte[] weights = Files.readAllBytes(bucket.resolve(WEIGHTS));
        byte[] tampered = weights.clone();
        tampered[tampered.length / 2] ^= 1;
        Files.write(bucket.resolve(WEIGHTS), tampered);
        look();

        assertThat(fetch(next)).isFalse();

        assertThat(repository.absence(next)).hasValueSatisfying(absence -> {
            assertThat(absence.state()).isEqualTo(State.REFUSED);
            assertThat(absence.why()).startsWith("FILE_CHANGED: files: 'graphs/weights.bin' has SHA-256 ");
        });
        assertThat(filesIn(cache)).isEmpty();
        int read = objects.copied().size();
        look();
        assertThat(fetch(next)).isFalse();
        assertThat(objects.copied()).as("it is not tried again").hasSize(read);

        Files.write(bucket.resolve(WEIGHTS), weights);
        look();
        assertThat(fetch(next)).isTrue();
    }

    @Test
    void shouldRefuseWithoutReadingItWhenAnObjectIsTruncatedMissingOrTooMany() throws Exception {
        put("next", "2.0.0");
        byte[] weights = Files.readAllBytes(bucket.resolve(WEIGHTS));
        Files.write(bucket.resolve(WEIGHTS), new byte[] {1, 2, 3});
        look();
        assertThat(repository.refused()).containsEntry("next", "FILE_CHANGED");

        Files.delete(bucket.resolve(WEIGHTS));
        look();
        assertThat(repository.refused()).containsEntry("next", "FILE_MISSING");

        Files.write(bucket.resolve(WEIGHTS), weights);
        Files.createFile(bucket.resolve("next/more"));
        look();
        assertThat(repository.refused()).containsEntry("next", "FILE_UNLISTED");
        assertThat(repository.bundles()).isEmpty();
        assertThat(objects.copied()).containsOnly("next/manifest.json");

        Files.delete(bucket.resolve("next/more"));
        look();
        assertThat(repository.refused()).isEmpty();
        assertThat(repository.bundles()).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{", "{\"formatVersion\": 2}"})
    void shouldRefuseTheFolderWhenItsManifestIsNone(String manifest) throws Exception {
        put("good", "2.0.0");
        Files.createDirectory(bucket.resolve("next"));
        Files.writeString(bucket.resolve("next/manifest.json"), manifest);

        look();

        assertThat(repository.refused()).containsOnlyKeys("next");
        assertThat(repository.bundles()).hasSize(1);
    }

    @Test
    void shouldRefuseWhenTheManifestLeadsOutOfTheBundle() throws Exception {
        put("next", "2.0.0");
        Path manifest = bucket.resolve("next/manifest.json");
        Files.writeString(manifest, Files.readString(manifest).replace("graphs/weights.bin", "../../weights.bin"));

        look();

        assertThat(repository.refused()).containsEntry("next", "FILE_OUTSIDE");
    }

    @Test
    void shouldKeepWhatItKnowsAndSayWhyWhenTheStoreIsAway() throws Exception {
        String held = put("held", "2.0.0");
        String other = put("other", "3.0.0");
        look();
        fetch(held);
        objects.away(true);
        look();

        assertThat(repository.refused()).containsExactly(Map.entry(ModelRepository.ITSELF, "UNAVAILABLE"));
        assertThat(repository.find(held)).isPresent();
        assertThat(fetch(other)).isFalse();
        assertThat(repository.absence(other)).hasValueSatisfying(absence -> {
            assertThat(absence.state()).isEqualTo(State.WAITING);
            assertThat(absence.why()).isEqualTo("its files cannot be fetched: the store does not serve the request");
        });

        objects.away(false);
        look();
        assertThat(repository.refused()).isEmpty();
        assertThat(fetch(other)).isTrue();
    }

    @Test
    void shouldLeaveNothingBehindAndTryAgainWhenAFetchStopsMidway() throws Exception {
        String next = put("next", "2.0.0");
        objects.deny(WEIGHTS);
        look();

        assertThat(fetch(next)).isFalse();

        assertThat(filesIn(cache)).isEmpty();
        assertThat(repository.absence(next))
                .hasValueSatisfying(absence -> assertThat(absence.state()).isEqualTo(State.WAITING));
        objects.deny("");
        look();
        assertThat(fetch(next)).isTrue();
    }

    @Test
    void shouldFetchNothingWhenTheDiskHasNoRoom() throws Exception {
        put("next", "2.0.0");
        long bytes = 1L << 43;
        BundleFixture.editManifest(bucket.resolve("next"), manifest -> ((ObjectNode) manifest.get("files"))
                .putObject("more.bin")
                .put("sha256", "0".repeat(64))
                .put("bytes", bytes));
        try (RandomAccessFile more =
                new RandomAccessFile(bucket.resolve("next/more.bin").toFile(), "rw")) {
            more.setLength(bytes); // which takes no room itself
        }
        look();
        String next = repository.bundles().get(0).identity().digest();

        assertThat(fetch(next)).isFalse();

        assertThat(repository.absence(next))
                .hasValueSatisfying(absence -> assertThat(absence.why()).contains("no room for its 8796"));
        assertThat(objects.copied()).containsOnly("next/manifest.json");
    }

    @Test
    void shouldServeWhatWasFetchedWhenTheWorkerStartsWithoutTheStore() throws Exception {
        String next = put("next", "2.0.0");
        look();
        fetch(next);
        objects.away(true);

        reopen();
        look();

        assertThat(repository.find(next)).isPresent();
        assertThat(repository.bundles()).hasSize(1);
    }

    @Test
    void shouldFetchAnewWhenACopyWasDamagedOrNotFinished() throws Exception {
        String next = put("next", "2.0.0");
        look();
        fetch(next);
        Files.write(cache.resolve(next).resolve("graphs/weights.bin"), new byte[] {1});
        Files.createDirectories(cache.resolve(".unfinished-1/graphs"));

        reopen();

        assertThat(filesIn(cache)).isEmpty();
        look();
        assertThat(fetch(next)).isTrue();
    }

    @Test
    void shouldDeleteCopiesWhenTheyAreNotNeeded() throws Exception {
        String kept = put("kept", "2.0.0");
        String gone = put("gone", "3.0.0");
        look();
        fetch(kept);
        fetch(gone);

        repository.keep(Set.of(kept));

        assertThat(filesIn(cache)).containsExactly(kept);
        assertThat(repository.bundles()).as("it is known all the same").hasSize(2);
        assertThat(fetch(gone)).isTrue();
    }

    @Test
    void shouldForgetABundleWhenItIsGoneAndNotKept() throws Exception {
        put("next", "2.0.0");
        look();
        Files.delete(bucket.resolve("next/manifest.json"));

        look();

        assertThat(repository.bundles()).isEmpty();
        assertThat(repository.find("unknown")).isEmpty();
        assertThat(repository.absence("unknown")).isEmpty();
    }

    @Test
    void shouldRefuseACacheWhenAnotherWorkerUsesIt() throws Exception {
        assertThatThrownBy(this::repository).isInstanceOf(IOException.class).hasMessage("another worker uses it");
        reopen();
    }

    private String put(String name, String version) throws IOException {
        Path copy = BundleFixture.copy(BundleFixture.tiny(), Files.createDirectory(bucket.resolve(name)));
        BundleFixture.editManifest(copy, manifest -> manifest.put("version", version));
        return Sha256.of(Files.readAllBytes(copy.resolve("manifest.json")));
    }

    private void look() throws InterruptedException {
        repository.look();
        repository.settle();
    }

    private boolean fetch(String digest) throws InterruptedException {
        repository.find(digest);
        repository.settle();
        return repository.find(digest).isPresent();
    }

    private static List<String> filesIn(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> !name.equals(".lock"))
                    .toList();
        }
    }
}
