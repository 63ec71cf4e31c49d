package io.cloe.worker.masks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.cloe.worker.volume.MaskFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FileMaskStoreTest {

    private static final MaskName NAME = new MaskName("study-1", 0, "a".repeat(64), "b".repeat(64), "c".repeat(64));

    @TempDir
    Path folder;

    private Path root;
    private MaskStore store;

    @BeforeEach
    void open() throws Exception {
        root = folder.resolve("deep/masks");
        store = FileMaskStore.open(root);
    }

    private static MaskFile mask(String content) {
        return new MaskFile(content.getBytes(StandardCharsets.UTF_8), "not looked at");
    }

    private static MaskStoreException failureOf(ThrowingCallable call) {
        MaskStoreException failure = catchThrowableOfType(MaskStoreException.class, call);
        assertThat(failure).isNotNull();
        return failure;
    }

    private List<Path> files() {
        try (Stream<Path> paths = Files.walk(root)) {
            return paths.filter(Files::isRegularFile).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void shouldGiveBackTheBytesWhenAMaskWasCreated() throws Exception {
        URI location = store.create(NAME, mask("labels"));

        assertThat(store.read(location)).asString().isEqualTo("labels");
        assertThat(Path.of(location)).isEqualTo(root.toRealPath().resolve(NAME.path()));
        assertThat(files()).containsExactly(root.resolve(NAME.path()));
    }

    @Test
    void shouldWriteNothingWhenTheSameBytesComeAgain() throws Exception {
        Path file = Path.of(store.create(NAME, mask("labels")));
        Object before = Files.getAttribute(file, "unix:ino");

        assertThat(Path.of(store.create(NAME, mask("labels")))).isEqualTo(file);
        assertThat(Files.getAttribute(file, "unix:ino")).isEqualTo(before);
        assertThat(files()).hasSize(1);
    }

    @Test
    void shouldRefuseOtherBytesWhenTheNameIsTaken() throws Exception {
        URI location = store.create(NAME, mask("labels"));

        assertThat(failureOf(() -> store.create(NAME, mask("others"))).retriable())
                .isFalse();
        assertThat(store.read(location)).asString().isEqualTo("labels");
        assertThat(files()).hasSize(1);
    }

    @Test
    void shouldMakeOneFileWhenManyCreateTheSameMask() throws Exception {
        int creators = 8;
        CyclicBarrier together = new CyclicBarrier(creators);
        ExecutorService threads = Executors.newFixedThreadPool(creators);
        try {
            for (int round = 0; round < 30; round++) {
                MaskName name = new MaskName("study-" + round, 0, "a", "b", "c");
                List<Future<URI>> results = new ArrayList<>();
                for (int creator = 0; creator < creators; creator++) {
                    results.add(threads.submit(() -> {
                        together.await(10, TimeUnit.SECONDS);
                        return store.create(name, mask("the same labels"));
                    }));
                }
                Set<URI> locations = new HashSet<>();
                for (Future<URI> result : results) {
                    locations.add(result.get(10, TimeUnit.SECONDS));
                }
                assertThat(locations).hasSize(1);
            }
        } finally {
            threads.shutdownNow();
        }
        assertThat(files()).hasSize(30).allMatch(file -> file.toString().endsWith(".nii.gz"));
    }

    /** QA consumers run as other users: a mask has the permissions that any new file has here. */
    @Test
    void shouldGiveMasksTheUsualPermissionsWhenTheyAreCreated() throws Exception {
        Path usual = Files.createFile(folder.resolve("usual"));

        assertThat(Files.getPosixFilePermissions(Path.of(store.create(NAME, mask("labels")))))
                .isEqualTo(Files.getPosixFilePermissions(usual));
    }

    @Test
    void shouldWorkWhenTheFolderIsALink() throws Exception {
        Path link = Files.createSymbolicLink(folder.resolve("link"), root);
        MaskStore linked = FileMaskStore.open(link);

        assertThat(linked.read(linked.create(NAME, mask("labels")))).asString().isEqualTo("labels");
        assertThat(files()).hasSize(1);
    }

    @Test
    void shouldRefuseToReadWhenTheLocationIsOutsideTheFolder() throws Exception {
        Path outside = Files.writeString(folder.resolve("secret"), "secret");
        assertThat(failureOf(() -> store.read(outside.toUri())).retriable()).isFalse();

        Path link = Files.createSymbolicLink(root.resolve("link"), outside);
        assertThat(failureOf(() -> store.read(link.toUri())).retriable()).isFalse();

        URI climbing = URI.create(root.toRealPath().toUri() + "/../../secret");
        assertThat(failureOf(() -> store.read(climbing)).retriable()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "s3://bucket/mask",
                "http://localhost/mask",
                "mask.nii.gz",
                "file:mask",
                "file://host/mask",
                "urn:x"
            })
    void shouldFailTypedWhenTheLocationIsNoFileOfThisMachine(String location) {
        assertThat(failureOf(() -> store.read(URI.create(location)))).hasMessageNotContaining(location);
    }

    @Test
    void shouldFailTypedWhenTheMaskIsGone() throws Exception {
        URI location = store.create(NAME, mask("labels"));
        Files.delete(Path.of(location));

        assertThat(failureOf(() -> store.read(location)))
                .hasMessageNotContaining("study-1")
                .matches(MaskStoreException::retriable);
    }

    @Test
    void shouldFailTypedWhenTheFolderCannotBeMade() throws Exception {
        Path file = Files.writeString(folder.resolve("file"), "not a folder");

        for (Path impossible : List.of(file, file.resolve("below"), Path.of("/proc/cloe-masks"))) {
            assertThat(failureOf(() -> FileMaskStore.open(impossible)))
                    .hasMessageStartingWith("the mask directory cannot be written to: ")
                    .matches(failure -> !failure.retriable());
        }
    }

    @Test
    void shouldAskForAnotherAttemptWhenAMaskCannotBeWritten() throws Exception {
        Files.writeString(root.resolve("study-1"), "a file where the study's folder belongs");

        assertThat(failureOf(() -> store.create(NAME, mask("labels"))))
                .hasMessageNotContaining("study-1")
                .matches(MaskStoreException::retriable);
    }

    @Test
    void shouldLeaveNothingBehindWhenItIsOpened() {
        assertThat(files()).isEmpty();
    }
}
