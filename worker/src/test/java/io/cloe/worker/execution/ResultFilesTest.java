package io.cloe.worker.execution;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.ModalityGating;
import io.cloe.worker.bundle.ModelIdentity;
import io.cloe.worker.volume.MaskFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ResultFilesTest {

    private static final long PLENTY = 1 << 20;
    private static final ModelIdentity MODEL = new ModelIdentity("family", "model", "1.0.0", "aa".repeat(32));
    private static final ModelIdentity NEWER = new ModelIdentity("family", "model", "1.1.0", "bb".repeat(32));

    @TempDir
    Path folder;

    @Test
    void shouldFindAfterARestartWhatWasKept() throws Exception {
        Measures measures = measures(1, 100);
        files(PLENTY).put(MODEL, "input", measures);

        Optional<Measures> found = files(PLENTY).find(MODEL, "input");

        assertThat(found).usingRecursiveComparison().isEqualTo(Optional.of(measures));
    }

    @Test
    void shouldFindNothingWhenModelOrInputIsAnother() throws Exception {
        files(PLENTY).put(MODEL, "input", measures(1, 100));

        assertThat(files(PLENTY).find(NEWER, "input")).isEmpty();
        assertThat(files(PLENTY).find(MODEL, "other")).isEmpty();
    }

    @Test
    void shouldFindNothingWhenAByteOfTheFileChanged() throws Exception {
        files(PLENTY).put(MODEL, "input", measures(1, 100));
        Path file = kept().get(0);
        byte[] good = Files.readAllBytes(file);
        Measures original = files(PLENTY).find(MODEL, "input").orElseThrow();
        for (int position = 0; position < good.length; position++) {
            byte[] bad = good.clone();
            bad[position] ^= 1;
            Files.write(file, bad);
            // A changed number is not noticed, a changed mask, model or input is.
            files(PLENTY).find(MODEL, "input").ifPresent(found -> assertThat(
                            found.mask().bytes())
                    .isEqualTo(original.mask().bytes()));
        }
        Files.write(file, Arrays.copyOf(good, good.length / 2));
        assertThat(files(PLENTY).find(MODEL, "input")).isEmpty();
        Files.write(file, new byte[0]);
        assertThat(files(PLENTY).find(MODEL, "input")).isEmpty();
    }

    @Test
    void shouldFindNothingWhenAFileIsUnderAnotherName() throws Exception {
        files(PLENTY).put(MODEL, "input", measures(1, 100));
        Path file = kept().get(0);
        Files.move(file, file.resolveSibling("other.result"));

        assertThat(files(PLENTY).find(MODEL, "other")).isEmpty();
    }

    @Test
    void shouldDeleteWhatWasNotUsedForLongestWhenThereIsNoRoom() throws Exception {
        ResultFiles files = files(3 * 1_500);
        for (int i = 0; i < 3; i++) {
            files.put(MODEL, "input-" + i, measures(i, 1_000));
            age(i, 10 - i);
        }
        assertThat(files.find(MODEL, "input-0")).isPresent(); // used just now

        files.put(MODEL, "input-3", measures(3, 1_000));

        assertThat(files(PLENTY).find(MODEL, "input-1")).isEmpty();
        assertThat(files(PLENTY).find(MODEL, "input-0")).isPresent();
        assertThat(files(PLENTY).find(MODEL, "input-3")).isPresent();
        assertThat(kept().stream().mapToLong(ResultFilesTest::size).sum()).isLessThanOrEqualTo(3 * 1_500);
    }

    @Test
    void shouldGoOnWhenTheDirectoryCannotBeMade() throws Exception {
        Files.writeString(folder.resolve("results"), "a file");

        files(PLENTY).put(MODEL, "input", measures(1, 100));

        assertThat(files(PLENTY).find(MODEL, "input")).isEmpty();
    }

    @Test
    void shouldLeaveNothingUnfinishedBehind() throws Exception {
        files(PLENTY).put(MODEL, "input", measures(1, 100));

        try (Stream<Path> all = Files.walk(folder)) {
            assertThat(all.filter(Files::isRegularFile)).hasSize(1);
        }
    }

    private ResultFiles files(long mostBytes) {
        return new ResultFiles(folder.resolve("results"), mostBytes);
    }

    private void age(int number, int minutes) throws IOException {
        Files.setLastModifiedTime(
                folder.resolve("results").resolve(MODEL.digest()).resolve("input-" + number + ".result"),
                FileTime.from(Instant.now().minusSeconds(60L * minutes)));
    }

    private List<Path> kept() throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            return all.filter(Files::isRegularFile)
                    .sorted(Comparator.naturalOrder())
                    .toList();
        }
    }

    private static long size(Path file) {
        try {
            return Files.size(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Measures measures(long seed, int bytes) throws Exception {
        byte[] mask = new byte[bytes];
        new Random(seed).nextBytes(mask);
        String digest =
                HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(mask));
        return new Measures(
                new MaskFile(mask, digest),
                List.of(3, 4, 5),
                List.of(1.0, 0.0, 0.0, 7.5),
                Map.of("WT", 12.5),
                List.of(new ModalityGating("T1", 1.0, 0.0, null, null, null, null)),
                false,
                List.of("SMALL_REGION"));
    }
}
