package io.cloe.worker.stores;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.cloe.it.tools.FaultyPath.Fault;
import io.cloe.it.tools.S3Server;
import io.cloe.worker.config.StoreConfig;
import io.cloe.worker.masks.MaskName;
import io.cloe.worker.masks.MaskStoreException;
import io.cloe.worker.masks.StoredMask;
import io.cloe.worker.sweep.MaskSweep;
import io.cloe.worker.sweep.References;
import io.cloe.worker.sweep.SweepPlan;
import io.cloe.worker.volume.MaskFile;
import io.cloe.worker.volume.Sha256;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Masks in a real object store, beside sweeps, and on a bad network. */
class S3MaskStoreIT {

    private static final int PART_BYTES = 5 << 20;
    private static final Instant A_DAY_AGO = Instant.now().minus(Duration.ofDays(1));

    @TempDir
    static Path folder;

    private static S3Server server;
    private static S3Objects objects;
    private static final SimpleMeterRegistry METERS = new SimpleMeterRegistry();

    private S3Prefix place;
    private S3MaskStore masks;

    @BeforeAll
    static void start() throws Exception {
        server = S3Server.start(folder, "masks");
        objects = S3Objects.open(StoreConfig.settings(server.settingsOverFaults()), METERS, PART_BYTES);
    }

    @AfterAll
    static void stop() throws Exception {
        objects.close();
        server.close();
    }

    @BeforeEach
    void open(TestInfo test) {
        place = new S3Prefix("masks", test.getTestMethod().orElseThrow().getName() + "/");
        masks = new S3MaskStore(place, objects);
    }

    @AfterEach
    void repair() {
        server.path().next(0, Fault.NONE);
    }

    @Test
    void shouldReadWhatWasCreatedWhenTheStudysIdHoldsSlashes() throws Exception {
        MaskFile mask = mask(1_000, 1);
        URI location = masks.create(name("a/b %", mask), mask);

        assertThat(location).hasScheme("s3").hasHost("masks");
        assertThat(masks.read(URI.create(location.toString()))).isEqualTo(mask.bytes());
    }

    @Test
    void shouldTakeTheMaskThatIsThereWhenAReplayComesToTheSame() throws Exception {
        MaskFile mask = mask(1_000, 2);

        URI first = masks.create(name("study", mask), mask);
        URI second = masks.create(name("study", mask), mask);

        assertThat(second).isEqualTo(first);
        assertThat(masks.list()).hasSize(1);
    }

    @Test
    void shouldRefuseWhenOtherBytesLieUnderTheName() throws Exception {
        MaskFile mask = mask(1_000, 3);
        masks.create(name("study", mask), mask);
        MaskFile other = new MaskFile(mask(1_000, 4).bytes(), mask.sha256());

        assertPermanent(
                () -> masks.create(name("study", mask), new MaskFile(other.bytes(), Sha256.of(other.bytes()))),
                "another mask lies under the same name");
        assertThat(Files.readAllBytes(file(masks.list().get(0).name()))).isEqualTo(mask.bytes());
    }

    @Test
    void shouldCreateOneMaskWhenManyWorkersDoTheSameJob() throws Exception {
        MaskFile mask = mask(100_000, 5);
        int workers = 8;
        ExecutorService threads = Executors.newFixedThreadPool(workers);
        try {
            CountDownLatch start = new CountDownLatch(1);
            List<Future<URI>> created = IntStream.range(0, workers)
                    .mapToObj(worker -> threads.submit(() -> {
                        start.await();
                        return masks.create(name("study", mask), mask);
                    }))
                    .toList();
            start.countDown();
            URI location = created.get(0).get();
            for (Future<URI> other : created) {
                assertThat(other.get()).isEqualTo(location);
            }
            assertThat(masks.read(location)).isEqualTo(mask.bytes());
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void shouldWriteInPartsWhenAMaskIsBig() throws Exception {
        MaskFile mask = mask(2 * PART_BYTES + 12_345, 6);

        URI first = masks.create(name("study", mask), mask);

        assertThat(masks.read(first)).isEqualTo(mask.bytes());
        assertThat(masks.create(name("study", mask), mask)).isEqualTo(first);
        assertThat(masks.list()).hasSize(1).allSatisfy(stored -> assertThat(stored.bytes())
                .isEqualTo(mask.bytes().length));
    }

    @Test
    void shouldNotReadWhatLiesOutsideItsPlace() {
        for (String location : List.of(
                "s3://masks/elsewhere/study/r0.nii.gz",
                "s3://other/" + place.prefix() + "study/r0.nii.gz",
                "s3://masks/" + place.prefix() + "../elsewhere/r0.nii.gz",
                "file:///etc/passwd")) {
            assertPermanent(() -> masks.read(URI.create(location)), "outside the mask store");
        }
    }

    @Test
    void shouldMakeACopyWhenASweepMayBeAboutToDeleteTheMask() throws Exception {
        MaskFile mask = mask(1_000, 7);
        URI first = masks.create(name("study", mask), mask);
        makeOld(first);
        SweepPlan plan = sweep(new References.Collector()).plan(A_DAY_AGO);
        assertThat(plan.orphans()).hasSize(1);

        // The sweep has listed the mask and read the references; only now a replay comes to it.
        URI second = masks.create(name("study", mask), mask);

        assertThat(second).isNotEqualTo(first);
        List<StoredMask> deleted = sweepDespiteNoReferences(plan);
        assertThat(deleted).extracting(StoredMask::name).containsExactly(nameOf(first));
        assertThat(masks.read(second)).isEqualTo(mask.bytes());
    }

    @Test
    void shouldNeverDeleteWhatAReplayRefersToWhenSweepsRunBesideIt() throws Exception {
        int masksMade = 25;
        ExecutorService sweeping = Executors.newSingleThreadExecutor();
        CountDownLatch done = new CountDownLatch(1);
        try {
            Future<Integer> sweeps = sweeping.submit(() -> {
                int deleted = 0;
                while (done.getCount() > 0) {
                    for (StoredMask mask : masks.list()) {
                        if (mask.modified().isBefore(A_DAY_AGO) && masks.delete(mask, A_DAY_AGO)) {
                            deleted++;
                        }
                    }
                }
                return deleted;
            });
            Map<URI, byte[]> referred = new HashMap<>();
            for (int i = 0; i < masksMade; i++) {
                MaskFile mask = mask(500, 100 + i);
                makeOld(masks.create(name("study", mask), mask)); // a sweep may take it from now on
                referred.put(masks.create(name("study", mask), mask), mask.bytes());
            }
            done.countDown();
            assertThat(sweeps.get()).isPositive();
            for (Map.Entry<URI, byte[]> mask : referred.entrySet()) {
                assertThat(masks.read(mask.getKey())).isEqualTo(mask.getValue());
            }
        } finally {
            done.countDown();
            sweeping.shutdownNow();
        }
    }

    @Test
    void shouldSweepWritesThatStoppedHalfWayAndNothingReferredTo() throws Exception {
        MaskFile kept = mask(1_000, 8);
        MaskFile orphan = mask(1_000, 9);
        URI keptAt = masks.create(name("kept", kept), kept);
        URI orphanAt = masks.create(name("orphan", orphan), orphan);
        makeOld(keptAt);
        makeOld(orphanAt);
        References.Collector references = new References.Collector();
        references.committed("kept", 0, keptAt.toString());
        objects.begin("masks", place.prefix() + name("half", orphan).path());
        Instant inAMinute = Instant.now().plus(Duration.ofMinutes(1));
        MaskSweep sweep = sweep(references);

        List<StoredMask> deleted = sweep.delete(sweep.plan(inAMinute), inAMinute);

        assertThat(deleted).hasSize(2).anyMatch(StoredMask::unfinished);
        assertThat(deleted).extracting(StoredMask::name).contains(nameOf(orphanAt));
        assertThat(masks.list()).extracting(StoredMask::name).containsExactly(nameOf(keptAt));
    }

    @Test
    void shouldSucceedWhenTheStoreIsOverloadedForAMoment() throws Exception {
        MaskFile mask = mask(1_000, 10);
        server.path().next(2, Fault.OVERLOADED);

        URI location = masks.create(name("study", mask), mask);

        assertThat(server.path().faultsMet()).isEqualTo(2);
        assertThat(masks.read(location)).isEqualTo(mask.bytes());
    }

    @Test
    void shouldBeRetriableWhenTheStoreStaysOverloaded() {
        MaskFile mask = mask(1_000, 11);
        server.path().next(1_000, Fault.OVERLOADED);

        assertRetriable(() -> masks.create(name("study", mask), mask), "cannot write a mask");
        assertThat(METERS.find("cloe.store.call").tag("operation", "put").timers())
                .anySatisfy(timer -> assertThat(timer.getId().getTag("outcome")).isIn("throttled", "unavailable"));
    }

    @Test
    void shouldBeRetriableWhenTheStoreDoesNotAnswer() {
        MaskFile mask = mask(1_000, 12);
        server.path().next(1_000, Fault.SILENT);

        assertRetriable(() -> masks.create(name("study", mask), mask), "cannot write a mask");
    }

    @Test
    void shouldBeRetriableWhenAMaskIsCutOffOnItsWay() throws Exception {
        MaskFile mask = mask(50_000, 13);
        URI location = masks.create(name("study", mask), mask);
        server.path().next(1_000, Fault.CUT);

        assertRetriable(() -> masks.read(location), "cannot read a mask");
        server.path().next(0, Fault.NONE);
        assertThat(masks.read(location)).isEqualTo(mask.bytes());
    }

    @Test
    void shouldSayWhatIsWrongWhenTheStoreCannotBeUsed() throws Exception {
        assertPermanent(new S3MaskStore(new S3Prefix("no-such-bucket", ""), objects)::probe, "no such bucket");
        masks.probe();
        masks.probe();
        assertThat(masks.list()).isEmpty();
    }

    @Test
    void shouldNameNothingWhenTheStoreDoesNotLetIn() throws Exception {
        try (S3Server strange = S3Server.startForOthers(folder);
                S3Objects closed = S3Objects.open(StoreConfig.settings(strange.settings()), METERS, PART_BYTES)) {
            S3MaskStore store = new S3MaskStore(place, closed);

            assertPermanent(store::probe, "the store denies access (status 403 SignatureDoesNotMatch)");
            assertPermanent(store::list, "the store denies access");
        }
    }

    @ParameterizedTest
    @CsvSource({"AES256,", "aws:kms, a-key"})
    void shouldAskForEncryptionWhenItIsSet(String encryption, String key) throws Exception {
        try (S3Server memory = S3Server.startInMemory("masks")) {
            Map<String, String> settings = new HashMap<>(memory.settings());
            settings.put(StoreConfig.S3_ENCRYPTION, encryption);
            settings.put(StoreConfig.S3_KMS_KEY, key == null ? "" : key);
            try (S3Objects encrypting = S3Objects.open(StoreConfig.settings(settings), METERS, PART_BYTES)) {
                for (int size : new int[] {1_000, PART_BYTES + 1}) {
                    MaskFile mask = mask(size, 14);
                    URI location = new S3MaskStore(place, encrypting).create(name("study", mask), mask);

                    try (var body = encrypting.get("masks", location.getPath().substring(1), Optional.empty())) {
                        assertThat(body.response().serverSideEncryptionAsString())
                                .isEqualTo(encryption);
                        assertThat(body.response().ssekmsKeyId()).isEqualTo(key);
                        body.abort();
                    }
                }
            }
        }
    }

    private MaskSweep sweep(References.Collector references) {
        return new MaskSweep(masks, references::references);
    }

    /** As a sweep deletes; a sweep of a store without one referenced mask refuses to. */
    private List<StoredMask> sweepDespiteNoReferences(SweepPlan plan) throws Exception {
        return sweep(new References.Collector())
                .delete(new SweepPlan(plan.orphans(), 1, plan.young(), plan.unknown()), A_DAY_AGO);
    }

    private String nameOf(URI location) {
        return location.getPath().substring(1 + place.prefix().length());
    }

    private Path file(String name) {
        return server.object("masks", place.prefix() + name);
    }

    private void makeOld(URI location) throws IOException {
        Files.setLastModifiedTime(
                file(nameOf(location)), FileTime.from(Instant.now().minus(Duration.ofDays(2))));
    }

    private static MaskName name(String study, MaskFile mask) {
        return new MaskName(study, 0, "ab".repeat(32), "cd".repeat(32), mask.sha256());
    }

    private static MaskFile mask(int size, long seed) {
        byte[] bytes = new byte[size];
        new Random(seed).nextBytes(bytes);
        return new MaskFile(bytes, Sha256.of(bytes));
    }

    private static void assertPermanent(ThrowingCallable call, String message) {
        assertThatThrownBy(call).isInstanceOfSatisfying(MaskStoreException.class, e -> {
            assertThat(e.retriable()).isFalse();
            assertThat(e).hasMessageContaining(message);
        });
    }

    private static void assertRetriable(ThrowingCallable call, String message) {
        assertThatThrownBy(call).isInstanceOfSatisfying(MaskStoreException.class, e -> {
            assertThat(e.retriable()).isTrue();
            assertThat(e).hasMessageContaining(message).hasMessageNotContaining("masks/");
        });
    }
}
