package io.cloe.worker.execution;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.InferenceFault;
import io.cloe.schemas.InferenceFaults;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceOutcome;
import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.VolumeReference;
import io.cloe.worker.volume.NiftiBytes;
import io.cloe.worker.volume.VolumeSource;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ExecutorFaultsTest {

    @TempDir
    Path folder;

    private ExecutorScenario scenario;

    @BeforeEach
    void start() {
        scenario = ExecutorScenario.in(folder).start();
    }

    @AfterEach
    void close() throws Exception {
        scenario.close();
    }

    @Test
    void shouldNameTheModalityAndAskForAnotherAttemptWhenAFileIsMissing() throws Exception {
        assertThat(scenario.faultsOf(job("T1", good("T1"), "T2", missing())))
                .containsExactly(new InferenceFault("T2", FailureReason.VOLUME_NOT_FOUND, true));
    }

    @Test
    void shouldRefuseTheVolumeWhenItsChecksumIsNotTheOneAnnounced() throws Exception {
        assertThat(scenario.faultsOf(job("T1", wrongChecksum(), "T2", good("T2"))))
                .containsExactly(new InferenceFault("T1", FailureReason.CHECKSUM_MISMATCH, false));
    }

    @Test
    void shouldRefuseTheVolumeWhenItsGzipDataIsDamaged() throws Exception {
        assertThat(scenario.faultsOf(job("T1", corrupt())))
                .containsExactly(new InferenceFault("T1", FailureReason.VOLUME_CORRUPT, false));
    }

    @Test
    void shouldRefuseTheVolumeWhenItLiesOutsideTheRoots() throws Exception {
        Path outside = Phantom.write(
                folder.resolve("elsewhere/t1.nii.gz"), Phantom.noise(1).gzip());
        assertThat(scenario.faultsOf(job("T1", Phantom.reference(outside))))
                .containsExactly(new InferenceFault("T1", FailureReason.VOLUME_FORBIDDEN, false));
    }

    @Test
    void shouldRefuseTheVolumeWhenALinkLeadsOutOfTheRoots() throws Exception {
        Path outside = Phantom.write(
                folder.resolve("elsewhere/t1.nii.gz"), Phantom.noise(1).gzip());
        Path link = Files.createSymbolicLink(scenario.input.resolve("t1.nii.gz"), outside);
        assertThat(scenario.faultsOf(job("T1", Phantom.unverified(link))))
                .containsExactly(new InferenceFault("T1", FailureReason.VOLUME_FORBIDDEN, false));
    }

    @Test
    void shouldNameTheOddOneOutWhenTwoOfThreeAgree() throws Exception {
        assertThat(scenario.faultsOf(job("T1", good("T1"), "T2", onOtherGrid(), "FLAIR", good("FLAIR"))))
                .containsExactly(new InferenceFault("T2", FailureReason.GEOMETRY_MISMATCH, false));
    }

    @Test
    void shouldNameBothWhenOneStandsAgainstOne() throws Exception {
        assertThat(scenario.faultsOf(job("T1", good("T1"), "T2", onOtherGrid())))
                .containsExactlyInAnyOrder(
                        new InferenceFault("T1", FailureReason.GEOMETRY_MISMATCH, false),
                        new InferenceFault("T2", FailureReason.GEOMETRY_MISMATCH, false));
    }

    @Test
    void shouldNameTheVolumeWhenItIsZeroEverywhere() throws Exception {
        assertThat(scenario.faultsOf(job("T1", good("T1"), "T2", allZero())))
                .containsExactly(new InferenceFault("T2", FailureReason.VOLUME_EMPTY, false));
    }

    @Test
    void shouldReportAllFaultsWhenSeveralVolumesAreBad() throws Exception {
        assertThat(scenario.faultsOf(job("T1", missing(), "T2", corrupt(), "FLAIR", good("FLAIR"))))
                .containsExactlyInAnyOrder(
                        new InferenceFault("T1", FailureReason.VOLUME_NOT_FOUND, true),
                        new InferenceFault("T2", FailureReason.VOLUME_CORRUPT, false));
    }

    @Test
    void shouldRefuseTheJobWhenNoModelServesItsFamily() throws Exception {
        assertThat(scenario.faultsOf(
                        scenario.goodJob("study").setFamily("prostate").build()))
                .containsExactly(new InferenceFault(null, FailureReason.UNKNOWN_FAMILY, false));
    }

    /** As after a restart with a model that knows fewer modalities than the one the job was queued for. */
    @Test
    void shouldNameTheModalityWhenTheModelDoesNotKnowIt() throws Exception {
        assertThat(scenario.faultsOf(job("T1", good("T1"), "T1CE", good("T1CE"))))
                .containsExactly(new InferenceFault("T1CE", FailureReason.UNKNOWN_MODALITY, false));
    }

    @Test
    void shouldRefuseTheStudyWhenItIsLargerThanAllowed() throws Exception {
        Path file = Phantom.write(
                scenario.input.resolve("large.nii.gz"),
                NiftiBytes.standard()
                        .dims(200, 200, 200)
                        .type(2, 8)
                        .affine(Phantom.AFFINE)
                        .gzip());
        assertThat(scenario.faultsOf(job("T1", Phantom.reference(file))))
                .containsExactly(new InferenceFault("T1", FailureReason.STUDY_TOO_LARGE, false));
    }

    @Test
    void shouldSayThatTheStoreFailedWhenTheMaskCannotBeWritten() throws Exception {
        Files.delete(scenario.masks);
        Files.writeString(scenario.masks, "a file where the folder was");

        assertThat(scenario.faultsOf(scenario.goodJob("study").build()))
                .containsExactly(new InferenceFault(null, FailureReason.MASK_STORE_ERROR, true));
    }

    @Test
    void shouldNotAskForAnotherAttemptWhenAnotherMaskLiesUnderTheSameName() throws Exception {
        InferenceJob job = scenario.goodJob("study").build();
        InferenceOutcome outcome = scenario.outcomeOf(job);
        Files.writeString(ExecutorScenario.pathOf(outcome.getMask().getUri()), "not this mask");

        assertThat(scenario.faultsOf(job))
                .containsExactly(new InferenceFault(null, FailureReason.MASK_STORE_ERROR, false));
    }

    @Test
    void shouldStillReportEveryGoodStudyWhenBadOnesComeBetween() throws Exception {
        Map<String, InferenceJob> jobs = new LinkedHashMap<>();
        List<Supplier<VolumeReference>> bad =
                List.of(this::missing, this::wrongChecksum, this::corrupt, this::allZero, this::onOtherGrid);
        for (int i = 0; i < 20; i++) {
            String study = "study-" + i;
            VolumeReference second = i % 2 == 0
                    ? scenario.volume(study, "T2")
                    : bad.get(i / 2 % bad.size()).get();
            jobs.put(
                    study,
                    Jobs.of(study, Map.of("T1", scenario.volume(study, "T1"), "T2", second))
                            .build());
        }
        jobs.values().forEach(scenario.lease::submit);

        Map<String, Object> bodies = new TreeMap<>();
        for (int i = 0; i < jobs.size(); i++) {
            InferenceResult result = scenario.next().result();
            bodies.put(result.getStudyId(), result.getBody());
        }
        assertThat(bodies).hasSameSizeAs(jobs);
        bodies.forEach((study, body) -> {
            boolean good = Integer.parseInt(study.substring("study-".length())) % 2 == 0;
            assertThat(body).as(study).isInstanceOf(good ? InferenceOutcome.class : InferenceFaults.class);
        });
    }

    static List<Throwable> whatAStageMayThrow() {
        return List.of(
                new IllegalStateException("a defect"),
                new OutOfMemoryError("Java heap space"),
                new StackOverflowError(),
                new NoClassDefFoundError("ai/onnxruntime/Missing"));
    }

    @ParameterizedTest
    @MethodSource("whatAStageMayThrow")
    void shouldReportAndGoOnWhenReadingThrows(Throwable thrown) throws Exception {
        AtomicBoolean first = new AtomicBoolean(true);
        Function<VolumeSource, VolumeSource> throwing = real -> reference -> {
            if (first.getAndSet(false)) {
                ExecutorFaultsTest.<RuntimeException>raise(thrown);
            }
            return real.load(reference);
        };
        assertGoesOn(ExecutorScenario.in(folder).volumes(throwing::apply), thrown);
    }

    @ParameterizedTest
    @MethodSource("whatAStageMayThrow")
    void shouldReportAndGoOnWhenWritingThrows(Throwable thrown) throws Exception {
        AtomicBoolean first = new AtomicBoolean(true);
        assertGoesOn(
                ExecutorScenario.in(folder)
                        .masks(real -> new ForwardingMasks(real, () -> {
                            if (first.getAndSet(false)) {
                                ExecutorFaultsTest.<RuntimeException>raise(thrown);
                            }
                        })),
                thrown);
    }

    private void assertGoesOn(ExecutorScenario.Setup setup, Throwable thrown) throws Exception {
        FailureReason expected =
                thrown instanceof OutOfMemoryError ? FailureReason.OUT_OF_MEMORY : FailureReason.ENGINE_ERROR;
        try (ExecutorScenario throwing = setup.start()) {
            assertThat(throwing.faultsOf(throwing.goodJob("first").build()))
                    .containsExactly(new InferenceFault(null, expected, true));
            throwing.outcomeOf(throwing.goodJob("second").build());
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldGoOnWithOtherStudiesWhenAResultCannotBeHandedOver(boolean good) throws Exception {
        AtomicBoolean first = new AtomicBoolean(true);
        try (ExecutorScenario failing = ExecutorScenario.in(folder)
                .sender(real -> new ResultSender() {
                    @Override
                    public void send(int partition, InferenceResult result) {
                        if (first.getAndSet(false)) {
                            throw new IllegalStateException("closed");
                        }
                        real.send(partition, result);
                    }

                    @Override
                    public void claim(int partition) {
                        real.claim(partition);
                    }
                })
                .start()) {
            failing.lease.submit(failing.goodJob("lost")
                    .setFamily(good ? "test-family" : "nobody")
                    .build());
            failing.lease.submit(failing.goodJob("second").build());
            failing.lease.submit(failing.goodJob("third").build());

            assertThat(List.of(failing.nextStudy(), failing.nextStudy())).containsExactly("second", "third");
        }
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void raise(Throwable thrown) throws T {
        throw (T) thrown;
    }

    private VolumeReference good(String modality) {
        return scenario.volume("good", modality);
    }

    private VolumeReference missing() {
        return Phantom.unverified(scenario.input.resolve("nothing-here.nii.gz"));
    }

    private VolumeReference wrongChecksum() {
        return VolumeReference.newBuilder(scenario.volume("wrong-checksum", "T1"))
                .setSha256("0".repeat(64))
                .build();
    }

    private VolumeReference corrupt() {
        byte[] bytes = Phantom.noise(3).gzip();
        bytes[bytes.length / 2] ^= 0x55;
        return Phantom.unverified(Phantom.write(scenario.input.resolve("corrupt.nii.gz"), bytes));
    }

    private VolumeReference allZero() {
        return Phantom.reference(Phantom.write(
                scenario.input.resolve("zero.nii.gz"), Phantom.empty().gzip()));
    }

    private VolumeReference onOtherGrid() {
        double[] shifted = Phantom.AFFINE.clone();
        shifted[3] += 4;
        return Phantom.reference(Phantom.write(
                scenario.input.resolve("shifted.nii.gz"),
                Phantom.noise(4).affine(shifted).gzip()));
    }

    private InferenceJob job(Object... modalityAndVolume) {
        Map<String, VolumeReference> volumes = new LinkedHashMap<>();
        for (int i = 0; i < modalityAndVolume.length; i += 2) {
            volumes.put((String) modalityAndVolume[i], (VolumeReference) modalityAndVolume[i + 1]);
        }
        return Jobs.of("study", volumes).build();
    }
}
