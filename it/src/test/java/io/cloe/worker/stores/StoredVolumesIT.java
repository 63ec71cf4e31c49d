package io.cloe.worker.stores;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.cloe.it.tools.FaultyPath;
import io.cloe.it.tools.FaultyPath.Fault;
import io.cloe.it.tools.NiftiFiles;
import io.cloe.it.tools.S3Server;
import io.cloe.schemas.FailureReason;
import io.cloe.schemas.VolumeReference;
import io.cloe.worker.config.StoreConfig;
import io.cloe.worker.volume.LoadedVolume;
import io.cloe.worker.volume.NiftiReader;
import io.cloe.worker.volume.Sha256;
import io.cloe.worker.volume.VolumeException;
import io.cloe.worker.volume.VolumeSource;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Configuration;
import software.amazon.awssdk.services.s3.presigner.S3Presigner;

/** Volumes out of a real object store, by its own protocol and by presigned URLs, on good and bad networks. */
class StoredVolumesIT {

    private static final String SECRET = "patient-4711";
    private static final int[] DIMS = {20, 30, 10};

    @TempDir
    static Path folder;

    private static S3Server server;
    private static Stores stores;
    private static VolumeSource volumes;
    private static Path file;
    private static String uri;

    @BeforeAll
    static void start() throws Exception {
        server = S3Server.start(folder.resolve("objects"), "scans", "secrets");
        file = folder.resolve("t1.nii.gz");
        NiftiFiles.generate(file, DIMS, new Random(1));
        assertThat(Files.size(file)).isGreaterThan(2L * FaultyPath.CUT_BYTES);
        uri = server.put("scans", "in/" + SECRET + "/t1.nii.gz", file);
        server.put("secrets", "in/t1.nii.gz", file);
        stores = new Stores(StoreConfig.settings(server.settingsOverFaults()), new SimpleMeterRegistry());
        volumes = stores.volumes(
                VolumeRoots.parse(List.of("s3://scans/in", "s3://no-such-bucket/in", endpoint() + "/scans/in")),
                new NiftiReader(1 << 20));
    }

    @AfterAll
    static void stop() throws Exception {
        stores.close();
        server.close();
    }

    @AfterEach
    void repair() {
        server.path().next(0, Fault.NONE);
    }

    private static String endpoint() {
        return server.settings().get(StoreConfig.S3_ENDPOINT);
    }

    private static VolumeReference at(String uri) {
        return new VolumeReference(uri, "nifti", null, null);
    }

    private static void refused(VolumeReference reference, FailureReason reason, boolean retriable) {
        VolumeException refusal = catchThrowableOfType(VolumeException.class, () -> volumes.load(reference));
        assertThat(refusal).as("refusal").isNotNull().hasNoCause();
        assertThat(refusal.reason()).as(refusal.getMessage()).isEqualTo(reason);
        assertThat(refusal.retriable()).as(refusal.getMessage()).isEqualTo(retriable);
        assertThat(refusal.toString()).doesNotContain(SECRET, "scans", "127.0.0.1", "Signature=");
    }

    @Test
    void shouldLoadWhatTheFileHoldsWhenItIsAnObject() throws Exception {
        byte[] bytes = Files.readAllBytes(file);

        LoadedVolume loaded = volumes.load(new VolumeReference(uri, "nifti", (long) bytes.length, Sha256.of(bytes)));

        assertThat(loaded.sha256()).isEqualTo(Sha256.of(bytes));
        assertThat(loaded.volume().voxels()).isEqualTo(NiftiFiles.read(file).voxels());
        assertThat(volumes.grid(at(uri))).contains(loaded.volume().grid());
    }

    @Test
    void shouldLoadTheObjectWhenItsUrlIsPresigned() throws Exception {
        String presigned = presigned("in/" + SECRET + "/t1.nii.gz");

        LoadedVolume loaded = volumes.load(at(presigned));

        assertThat(loaded.sha256()).isEqualTo(Sha256.of(Files.readAllBytes(file)));
        assertThat(volumes.grid(at(presigned))).contains(loaded.volume().grid());
        refused(
                at(presigned.replaceAll("X-Amz-Signature=.{8}", "X-Amz-Signature=00000000")),
                FailureReason.VOLUME_FORBIDDEN,
                false);
        refused(at(presigned("in/absent.nii.gz")), FailureReason.VOLUME_NOT_FOUND, true);
    }

    private static String presigned(String key) {
        try (S3Presigner presigner = S3Presigner.builder()
                .endpointOverride(URI.create(endpoint()))
                .region(Region.US_EAST_1)
                .serviceConfiguration(
                        S3Configuration.builder().pathStyleAccessEnabled(true).build())
                .build()) {
            return presigner
                    .presignGetObject(presign -> presign.signatureDuration(Duration.ofMinutes(10))
                            .getObjectRequest(get -> get.bucket("scans").key(key)))
                    .url()
                    .toString();
        }
    }

    @Test
    void shouldRefuseWhenTheBytesAreNotTheOnesAnnounced() {
        refused(new VolumeReference(uri, "nifti", null, "ab".repeat(32)), FailureReason.CHECKSUM_MISMATCH, false);
        refused(new VolumeReference(uri, "nifti", 7L, null), FailureReason.CHECKSUM_MISMATCH, false);
    }

    @Test
    void shouldTryAgainWhenTheObjectIsNotThereButNotWhenTheBucketIsNot() {
        refused(at("s3://scans/in/absent.nii.gz"), FailureReason.VOLUME_NOT_FOUND, true);
        refused(at("s3://no-such-bucket/in/t1.nii.gz"), FailureReason.VOLUME_NOT_FOUND, false);
    }

    @Test
    void shouldNotAskTheStoreWhenTheLocationIsOutsideTheRoots() {
        server.path().next(1_000, Fault.OVERLOADED);

        refused(at("s3://secrets/in/t1.nii.gz"), FailureReason.VOLUME_FORBIDDEN, false);
        refused(at("s3://scans/inside/t1.nii.gz"), FailureReason.VOLUME_FORBIDDEN, false);
        refused(at("s3://scans/in/../../secrets/in/t1.nii.gz"), FailureReason.VOLUME_FORBIDDEN, false);
        refused(at(endpoint() + "/secrets/in/t1.nii.gz"), FailureReason.VOLUME_FORBIDDEN, false);
        refused(at("gs://scans/in/t1.nii.gz"), FailureReason.VOLUME_FORBIDDEN, false);
        assertThat(server.path().faultsMet()).isZero();
    }

    @Test
    void shouldSucceedWhenTheStoreIsOverloadedForAMoment() throws Exception {
        server.path().next(2, Fault.OVERLOADED);

        assertThat(volumes.load(at(uri)).volume().grid().voxels()).isEqualTo(20 * 30 * 10);
        assertThat(server.path().faultsMet()).isEqualTo(2);
    }

    @ParameterizedTest
    @EnumSource(names = "NONE", mode = EnumSource.Mode.EXCLUDE)
    void shouldBeRetriableWhenTheNetworkStaysBad(Fault fault) throws Exception {
        server.path().next(1_000, fault);
        refused(at(uri), FailureReason.VOLUME_IO, true);
        refused(at(presigned("in/" + SECRET + "/t1.nii.gz")), FailureReason.VOLUME_IO, true);
        assertThat(server.path().faultsMet()).isPositive();

        server.path().next(0, Fault.NONE);
        assertThat(volumes.load(at(uri)).volume().grid().voxels()).isEqualTo(20 * 30 * 10);
    }

    @Test
    void shouldSayThatItIsDamagedWhenItIsNoVolume() throws IOException {
        Path text = Files.writeString(folder.resolve("text"), "no volume");

        refused(at(server.put("scans", "in/text.nii", text)), FailureReason.VOLUME_CORRUPT, false);
    }
}
