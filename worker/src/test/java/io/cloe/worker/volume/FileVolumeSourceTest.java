package io.cloe.worker.volume;

import static io.cloe.worker.volume.VolumeAssertions.refusal;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.VolumeReference;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FileVolumeSourceTest {
    private static final String SECRET = "patient-4711";

    @TempDir
    Path folder;

    private Path root;
    private Path outside;
    private Path file;
    private byte[] bytes;
    private VolumeSource source;

    @BeforeEach
    void makeFiles() throws IOException {
        folder = folder.toRealPath();
        root = Files.createDirectory(folder.resolve("root"));
        outside = Files.createDirectory(folder.resolve("root-but-not-quite"));
        bytes = NiftiBytes.standard().dims(2, 1, 1).integers(3, 4).gzip();
        file = Files.write(root.resolve(SECRET + " t1.nii.gz"), bytes);
        Files.write(outside.resolve("t1.nii.gz"), bytes);
        source = new FileVolumeSource(List.of(folder.resolve("absent"), root), new NiftiReader(1000));
    }

    private static VolumeReference reference(String uri) {
        return new VolumeReference(uri, "nifti", null, null);
    }

    private VolumeException refused(VolumeReference reference, FailureReason reason) {
        VolumeException refusal = refusal(() -> source.load(reference));
        assertThat(refusal.reason()).as(refusal.getMessage()).isEqualTo(reason);
        assertThat(refusal.retriable())
                .isEqualTo(reason == FailureReason.VOLUME_NOT_FOUND || reason == FailureReason.VOLUME_IO);
        assertThat(refusal.toString()).doesNotContain(SECRET).doesNotContain(folder.toString());
        return refusal;
    }

    private static String sha256(byte[] bytes) throws Exception {
        return String.format(
                "%064x", new BigInteger(1, MessageDigest.getInstance("SHA-256").digest(bytes)));
    }

    @Test
    void shouldGiveVoxelsAndIdentityWhenTheFileIsSound() throws Exception {
        LoadedVolume loaded = source.load(reference(file.toUri().toString()));
        assertThat(loaded.volume().voxels()).containsExactly(3, 4);
        assertThat(loaded.sizeBytes()).isEqualTo(bytes.length);
        assertThat(loaded.sha256()).isEqualTo(sha256(bytes));
    }

    @Test
    void shouldGiveVoxelsWhenSizeAndDigestAreAsAnnounced() throws Exception {
        var reference = new VolumeReference(
                "FILE:" + file.toUri().getRawPath(),
                "NIfTI",
                (long) bytes.length,
                sha256(bytes).toUpperCase());
        assertThat(source.load(reference).volume().voxels()).containsExactly(3, 4);
    }

    @Test
    void shouldDigestAllBytesWhenSomeLieBehindTheVoxels() throws Exception {
        for (boolean gzip : new boolean[] {false, true}) {
            var junk = NiftiBytes.standard().dims(2, 1, 1).integers(3, 4);
            junk.trailing = new byte[200_000];
            byte[] written = gzip ? junk.gzip() : junk.bytes();
            Path path = Files.write(root.resolve("trailing"), written);
            assertThat(source.load(reference(path.toUri().toString())).sha256()).isEqualTo(sha256(written));
        }
    }

    @Test
    void shouldGiveVoxelsWhenALinkStaysBelowARoot() throws Exception {
        Path link = Files.createSymbolicLink(root.resolve("link"), file);
        assertThat(source.load(reference(link.toUri().toString())).volume().voxels())
                .containsExactly(3, 4);
    }

    @Test
    void shouldGiveVoxelsWhenTheRootItselfIsALink() throws Exception {
        Path link = Files.createSymbolicLink(folder.resolve("mount"), root);
        var linked = new FileVolumeSource(List.of(link), new NiftiReader(1000));
        String uri = link.resolve(file.getFileName()).toUri().toString();
        assertThat(linked.load(reference(uri)).volume().voxels()).containsExactly(3, 4);
    }

    @Test
    void shouldForbidWhenALinkLeadsOutOfTheRoots() throws IOException {
        Path toFile = Files.createSymbolicLink(root.resolve("file"), outside.resolve("t1.nii.gz"));
        Path toFolder = Files.createSymbolicLink(root.resolve("folder"), outside);
        refused(reference(toFile.toUri().toString()), FailureReason.VOLUME_FORBIDDEN);
        refused(reference("file:" + toFolder + "/t1.nii.gz"), FailureReason.VOLUME_FORBIDDEN);
    }

    @Test
    void shouldForbidWhetherOrNotItExistsWhenTheFileLiesOutside() {
        refused(reference("file:" + outside + "/t1.nii.gz"), FailureReason.VOLUME_FORBIDDEN);
        refused(reference("file:" + outside + "/absent.nii.gz"), FailureReason.VOLUME_FORBIDDEN);
        refused(reference("file:///"), FailureReason.VOLUME_FORBIDDEN);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "file:ROOT/../root-but-not-quite/t1.nii.gz",
                "file:ROOT/%2e%2e/root-but-not-quite/t1.nii.gz",
                "file:ROOT/.%2E/root-but-not-quite/t1.nii.gz",
                "file:ROOT/..%2froot-but-not-quite/t1.nii.gz",
                "file:ROOT%2f..%2froot-but-not-quite%2ft1.nii.gz",
                "file:ROOT/..%5croot-but-not-quite",
                "file:ROOT/./t1.nii.gz",
                "file:ROOT/t1%00.nii.gz",
                "file:ROOT/t1%0a.nii.gz",
                "file:ROOT/t1.nii.gz?x=1",
                "file:ROOT/t1.nii.gz#x",
                "file://localhostROOT/t1.nii.gz",
                "file://example.org/ROOT/t1.nii.gz",
                "file:root/t1.nii.gz",
                "file:",
                "",
                "ROOT/t1.nii.gz",
                "http://example.org/t1.nii.gz",
                "https://ROOT/t1.nii.gz",
                "s3://bucket/t1.nii.gz",
                "jar:file:ROOT/a.jar!/t1.nii.gz",
                "file:ROOT/with space",
                "file:ROOT\\..\\x",
                "file:ROOT/%zz"
            })
    void shouldForbidWhenTheLocationIsNotAPlainFileUri(String uri) {
        refused(reference(uri.replace("ROOT", root.toString())), FailureReason.VOLUME_FORBIDDEN);
    }

    @Test
    void shouldForbidWhenTheLocationIsNotARegularFile() {
        refused(reference(root.toUri().toString()), FailureReason.VOLUME_FORBIDDEN);
    }

    @Test
    void shouldForbidEverythingWhenThereAreNoRoots() {
        source = new FileVolumeSource(List.of(), new NiftiReader(1000));
        refused(reference(file.toUri().toString()), FailureReason.VOLUME_FORBIDDEN);
    }

    @Test
    void shouldReportRetriablyWhenTheFileIsNotThere() {
        refused(reference(root.resolve("absent").toUri().toString()), FailureReason.VOLUME_NOT_FOUND);
        source = new FileVolumeSource(List.of(folder.resolve("absent")), new NiftiReader(1000));
        refused(reference("file:" + folder + "/absent/t1.nii"), FailureReason.VOLUME_NOT_FOUND);
    }

    @Test
    void shouldReportRetriablyWhenTheFileSystemFails() throws IOException {
        Path first = root.resolve("first");
        Path second = Files.createSymbolicLink(root.resolve("second"), first);
        Files.createSymbolicLink(first, second);
        refused(reference(first.toUri().toString()), FailureReason.VOLUME_IO);
    }

    @Test
    void shouldReportAMismatchWhenSizeOrDigestAreNotAsAnnounced() throws Exception {
        String uri = file.toUri().toString();
        refused(new VolumeReference(uri, "nifti", bytes.length + 1L, null), FailureReason.CHECKSUM_MISMATCH);
        refused(new VolumeReference(uri, "nifti", null, "0".repeat(64)), FailureReason.CHECKSUM_MISMATCH);
        refused(new VolumeReference(uri, "nifti", null, ""), FailureReason.CHECKSUM_MISMATCH);
    }

    @Test
    void shouldReportTheMismatchWhenADamagedFileIsNotTheOneAnnounced() throws Exception {
        byte[] damaged = bytes.clone();
        damaged[30] ^= 1;
        String uri = Files.write(root.resolve("damaged"), damaged).toUri().toString();
        refused(reference(uri), FailureReason.VOLUME_CORRUPT);
        refused(new VolumeReference(uri, "nifti", null, sha256(bytes)), FailureReason.CHECKSUM_MISMATCH);
        refused(new VolumeReference(uri, "nifti", null, sha256(damaged)), FailureReason.VOLUME_CORRUPT);
    }

    @Test
    void shouldRefuseWhenTheFormatIsNotNifti() {
        refused(new VolumeReference(file.toUri().toString(), "dicom", null, null), FailureReason.VOLUME_UNSUPPORTED);
    }

    @Test
    void shouldRefuseUnreadWhenTheFileIsLongerThanAnyVolumeAllowed() throws IOException {
        Path sparse = root.resolve("sparse");
        try (var channel = FileChannel.open(
                sparse, StandardOpenOption.CREATE_NEW, StandardOpenOption.SPARSE, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap(new byte[1]), 1L << 32);
        }
        refused(reference(sparse.toUri().toString()), FailureReason.STUDY_TOO_LARGE);
    }

    @Test
    void shouldRejectARootWhenItIsNotAbsolute() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new FileVolumeSource(List.of(Path.of("data")), new NiftiReader(1)));
    }
}
