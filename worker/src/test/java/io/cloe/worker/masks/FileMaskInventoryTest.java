package io.cloe.worker.masks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.cloe.worker.volume.MaskFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileMaskInventoryTest {

    private static final MaskName NAME = new MaskName("study/1", 0, "a".repeat(64), "b".repeat(64), "c".repeat(64));
    private static final MaskFile MASK = new MaskFile("labels".getBytes(StandardCharsets.UTF_8), "not looked at");

    @TempDir
    Path root;

    private FileMaskStore store;
    private final Instant limit = Instant.now().minus(Duration.ofHours(24));

    @BeforeEach
    void open() throws Exception {
        store = FileMaskStore.open(root);
    }

    private Path createOld() throws Exception {
        Path file = Path.of(store.create(NAME, MASK));
        makeOld(file);
        return file;
    }

    private void makeOld(Path file) throws Exception {
        Files.setLastModifiedTime(file, FileTime.from(limit.minusSeconds(1)));
    }

    @Test
    void shouldListMasksAndLeftoversWhenOtherFilesLieThereToo() throws Exception {
        Path file = createOld();
        Files.writeString(file.resolveSibling(".writing-1.tmp"), "half");
        Files.writeString(file.resolveSibling("notes.txt"), "of a person");
        Files.writeString(root.resolve("README"), "of a person");
        Path older = file.resolveSibling("r3-0a-1b.nii.gz"); // as named before the mask's digest was part of it
        Files.writeString(older, "a mask of an older version");

        assertThat(store.list())
                .extracting(StoredMask::name, StoredMask::bytes, StoredMask::unfinished)
                .containsExactlyInAnyOrder(
                        org.assertj.core.groups.Tuple.tuple(NAME.path(), 6L, false),
                        org.assertj.core.groups.Tuple.tuple("study%2F1/.writing-1.tmp", 4L, true),
                        org.assertj.core.groups.Tuple.tuple("study%2F1/r3-0a-1b.nii.gz", 26L, false));
    }

    @Test
    void shouldDeleteTheFileAndItsEmptyFolderWhenItIsOld() throws Exception {
        Path file = createOld();

        assertThat(store.delete(store.list().get(0), limit)).isTrue();

        assertThat(file.getParent()).doesNotExist();
        assertThat(root).exists();
        assertThat(store.list()).isEmpty();
    }

    @Test
    void shouldKeepTheMaskWhenAReplayFoundItAfterItWasListed() throws Exception {
        Path file = createOld();
        List<StoredMask> listed = store.list();

        store.create(NAME, MASK);

        assertThat(store.delete(listed.get(0), limit)).isFalse();
        assertThat(file).hasContent("labels");
        assertThat(store.list()).hasSize(1);
    }

    @Test
    void shouldPutTheMaskBackWhenASweepWasKilledInTheMiddle() throws Exception {
        Path file = createOld();
        Files.move(file, file.resolveSibling(".sweeping-" + file.getFileName()));
        assertThat(store.list()).extracting(StoredMask::name).containsExactly(NAME.path());

        store.recover();

        assertThat(file).hasContent("labels");
        assertThat(store.list()).hasSize(1);
    }

    @Test
    void shouldSayNoWhenTheFileIsGone() throws Exception {
        Path file = createOld();
        StoredMask listed = store.list().get(0);
        Files.delete(file);

        assertThat(store.delete(listed, limit)).isFalse();
    }

    @Test
    void shouldRefuseToOpenWhenTheFolderIsNotThere() {
        assertThatThrownBy(() -> FileMaskStore.existing(root.resolve("absent"))).isInstanceOf(MaskStoreException.class);
        assertThat(root.resolve("absent")).doesNotExist();
    }

    /** Whatever the two do to each other: a mask whose creation was reported is there. */
    @Test
    void shouldNeverLoseAReportedMaskWhenASweepRunsBesideItsCreation() throws Exception {
        ExecutorService sweeper = Executors.newSingleThreadExecutor();
        AtomicBoolean done = new AtomicBoolean();
        try {
            Future<Integer> deleted = sweeper.submit(() -> {
                int count = 0;
                while (!done.get()) {
                    for (StoredMask mask : store.list()) {
                        if (!mask.unfinished() && store.delete(mask, limit)) {
                            count++;
                        }
                    }
                }
                return count;
            });
            for (int round = 0; round < 300; round++) {
                Path file = Path.of(create());
                assertThat(readable(file)).isTrue();
                try {
                    makeOld(file); // from here on it may go
                } catch (java.nio.file.NoSuchFileException e) {
                    // The sweep looks at it just now: it has left its name and comes back.
                    continue;
                }
            }
            done.set(true);
            assertThat(deleted.get(10, TimeUnit.SECONDS)).isPositive();
        } finally {
            sweeper.shutdownNow();
        }
    }

    private java.net.URI create() throws InterruptedException {
        while (true) {
            try {
                return store.create(NAME, MASK);
            } catch (MaskStoreException e) {
                assertThat(e.retriable()).isTrue();
            }
        }
    }

    /** A sweep that looks at a touched mask takes it out of its place for a moment. */
    private static boolean readable(Path file) throws Exception {
        for (int attempt = 0; attempt < 1_000; attempt++) {
            if (Files.exists(file)) {
                return true;
            }
            TimeUnit.MILLISECONDS.sleep(1);
        }
        return false;
    }
}
