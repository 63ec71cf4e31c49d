package io.cloe.worker.stores;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.cloe.it.tools.FaultyPath.Fault;
import io.cloe.it.tools.S3Server;
import io.cloe.worker.config.StoreConfig;
import io.cloe.worker.models.BundleObjects;
import io.cloe.worker.models.BundleObjects.Listed;
import io.cloe.worker.models.BundleObjectsException;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.ByteArrayOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Bundles in a real object store, and on a bad network. */
class S3BundleObjectsIT {

    private static final byte[] WEIGHTS = new byte[200_000];

    @TempDir
    static Path folder;

    private static S3Server server;
    private static Stores stores;
    private static BundleObjects objects;

    @BeforeAll
    static void start() throws Exception {
        server = S3Server.start(folder.resolve("objects"), "models");
        new Random(1).nextBytes(WEIGHTS);
        Path file = Files.write(folder.resolve("file"), WEIGHTS);
        server.put("models", "live/next/graphs/weights.bin", file);
        server.put("models", "live-2/other/graphs/weights.bin", file);
        stores = new Stores(StoreConfig.settings(server.settingsOverFaults()), new SimpleMeterRegistry());
        objects = stores.bundles(S3Prefix.parse("s3://models/live"));
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

    @Test
    void shouldListWhatLiesInThePlaceAndNothingElse() throws Exception {
        List<Listed> listed = objects.list();

        assertThat(listed).hasSize(1).allSatisfy(object -> {
            assertThat(object.name()).isEqualTo("next/graphs/weights.bin");
            assertThat(object.bytes()).isEqualTo(WEIGHTS.length);
        });
        assertThat(objects.list()).isEqualTo(listed);
    }

    @Test
    void shouldTellAnotherVersionWhenAnObjectIsWrittenAnew() throws Exception {
        Path file = Files.write(folder.resolve("small"), new byte[] {1});
        server.put("models", "versions/next/a", file);
        BundleObjects versions = stores.bundles(S3Prefix.parse("s3://models/versions"));
        List<Listed> before = versions.list();

        Path object = server.object("models", "versions/next/a");
        Files.write(object, new byte[] {2});
        Files.setLastModifiedTime(object, FileTime.from(Instant.now().plusSeconds(60)));

        assertThat(versions.list()).isNotEqualTo(before);
    }

    @Test
    void shouldCopyTheWholeObjectButNotMoreThanAllowed() throws Exception {
        assertThat(copy(WEIGHTS.length + 1)).isEqualTo(WEIGHTS);
        assertThat(copy(70_000)).isEqualTo(Arrays.copyOf(WEIGHTS, 70_000));
    }

    @ParameterizedTest
    @EnumSource(
            value = Fault.class,
            names = {"CUT", "OVERLOADED", "SILENT"})
    void shouldSayWhyWithoutNamingThePlaceWhenTheStoreDoesNotGiveAnObject(Fault fault) throws Exception {
        server.path().next(1_000, fault);

        BundleObjectsException refusal =
                catchThrowableOfType(BundleObjectsException.class, () -> copy(WEIGHTS.length + 1));

        assertThat(refusal.code()).isIn("UNAVAILABLE", "THROTTLED");
        assertThat(refusal.getMessage()).isNotBlank().doesNotContain("models", "live", "127.0.0.1");
        assertThat(server.path().faultsMet()).isPositive();
    }

    @Test
    void shouldSayWhatIsWrongWhenThereIsNoSuchObjectOrBucket() {
        BundleObjects nowhere = stores.bundles(S3Prefix.parse("s3://no-such-bucket/live"));

        assertThat(catchThrowableOfType(BundleObjectsException.class, nowhere::list)
                        .code())
                .isEqualTo("NO_BUCKET");
        assertThat(catchThrowableOfType(
                                BundleObjectsException.class,
                                () -> objects.copy("next/nothing", 1, new ByteArrayOutputStream()))
                        .code())
                .isEqualTo("NOT_FOUND");
    }

    private static byte[] copy(long most) throws Exception {
        ByteArrayOutputStream copy = new ByteArrayOutputStream();
        objects.copy("next/graphs/weights.bin", most, copy);
        return copy.toByteArray();
    }
}
