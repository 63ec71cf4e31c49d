package io.cloe.worker.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.cloe.schemas.FailureReason;
import io.cloe.worker.bundle.BundleFixture;
import io.cloe.worker.bundle.BundleReader;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.inference.EngineException.Kind;
import io.cloe.worker.volume.NormalisedCrop;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class InferenceEngineTest {

    private static final ModelBundle BUNDLE = BundleFixture.openTiny();
    private static final EngineSettings SETTINGS =
            EngineSettings.defaults().withDevice(new DeviceChoice.Cpu()).withThreads(1);

    private InferenceEngine engine;

    @BeforeEach
    void open() throws EngineException {
        engine = InferenceEngine.open(BUNDLE, SETTINGS);
    }

    @AfterEach
    void close() throws EngineException {
        engine.close();
    }

    @Test
    void shouldHaveRunEverySubsetWhenWarmedUp() throws Exception {
        engine.warmUp();

        assertThat(engine.openSessions()).isEqualTo(BUNDLE.graphs().size());
    }

    @Test
    void shouldCloseOnlyWhatWasNotUsedWhenSessionsAreIdle() throws Exception {
        engine.warmUp();
        engine.closeSessionsIdleFor(Duration.ofHours(1));
        assertThat(engine.openSessions()).isEqualTo(BUNDLE.graphs().size());

        engine.closeSessionsIdleFor(Duration.ZERO);
        assertThat(engine.openSessions()).isZero();
        engine.infer(Crops.random(List.of("T1"), 20, 20, 30, 1), new InferenceControl());
        assertThat(engine.openSessions()).isEqualTo(1);
    }

    @Test
    void shouldAnswerWithoutWeightsWhenTheModelHasNoGate(@TempDir Path folder) throws Exception {
        ModelBundle peer = BundleFixture.withoutGate(folder);
        NormalisedCrop crop = Crops.random(List.of("T1", "T2", "FLAIR"), 8, 16, 24, 5);
        try (InferenceEngine other = InferenceEngine.open(peer, SETTINGS)) {
            CropSegmentation result = other.infer(crop, new InferenceControl());

            assertThat(result.trust()).isEmpty();
            assertThat(result.gateActed()).isFalse();
            assertThat(result.classIndices())
                    .isEqualTo(engine.infer(crop, new InferenceControl()).classIndices());
            assertThat(ReviewFlags.ofTrust(result, ReviewLimits.defaults())).isEmpty();
        }
    }

    @Test
    void shouldRunNothingWhenCancelledBefore() {
        AtomicInteger windows = new AtomicInteger();
        InferenceControl control = new InferenceControl(windows::incrementAndGet);
        control.cancel("withdrawn");

        EngineException refusal = refusal(Crops.random(List.of("T1"), 20, 20, 30, 1), control);

        assertThat(refusal).isInstanceOf(CancelledException.class).hasMessage("withdrawn");
        assertThat(refusal.kind()).isEqualTo(Kind.CANCELLED);
        assertThat(refusal.reason()).isEqualTo(FailureReason.CANCELLED);
        assertThat(windows).hasValue(0);
    }

    @Test
    void shouldStopBetweenWindowsWhenCancelledMidRun() throws Exception {
        AtomicInteger windows = new AtomicInteger();
        InferenceControl[] control = new InferenceControl[1];
        control[0] = new InferenceControl(() -> {
            if (windows.incrementAndGet() == 3) {
                control[0].cancel("a newer scan came");
            }
        });
        NormalisedCrop crop = Crops.random(List.of("T1"), 40, 40, 60, 2);

        assertThat(refusal(crop, control[0])).isInstanceOf(CancelledException.class);
        assertThat(windows).hasValue(3);
        assertThat(engine.infer(crop, new InferenceControl()).windows()).isGreaterThan(3);
    }

    @Test
    void shouldStopWhenAnotherThreadCancelsAtAnyTime() throws Exception {
        NormalisedCrop crop = Crops.random(BUNDLE.modalities(), 40, 64, 96, 3);
        ExecutorService other = Executors.newSingleThreadExecutor();
        try {
            for (int round = 0; round < 40; round++) {
                AtomicInteger windows = new AtomicInteger();
                InferenceControl control = new InferenceControl(windows::incrementAndGet);
                int delayMicros = round * 50;
                Future<?> cancelling = other.submit(() -> {
                    while (windows.get() == 0) {
                        Thread.onSpinWait();
                    }
                    LockSupport.parkNanos(delayMicros * 1_000L);
                    control.cancel("deadline");
                });
                EngineException refusal = refusal(crop, control);
                cancelling.get();
                if (refusal != null) {
                    assertThat(refusal).isInstanceOf(CancelledException.class).hasMessage("deadline");
                }
            }
        } finally {
            other.shutdown();
        }
        assertThat(engine.infer(crop, new InferenceControl()).windows()).isEqualTo(9 * 7 * 7);
    }

    @Test
    void shouldGiveBothTheirOwnAnswerWhenAnUrgentStudyOvertakesBetweenWindows() throws Exception {
        NormalisedCrop patient = Crops.random(BUNDLE.modalities(), 20, 30, 50, 4);
        NormalisedCrop urgent = Crops.random(BUNDLE.modalities(), 8, 16, 48, 5);
        CropSegmentation patientAlone = engine.infer(patient, new InferenceControl());
        CropSegmentation urgentAlone = engine.infer(urgent, new InferenceControl());
        List<CropSegmentation> overtaken = new ArrayList<>();
        InferenceControl control = new InferenceControl(() -> {
            if (overtaken.size() < 2) {
                overtaken.add(inferUnchecked(urgent));
            }
        });

        CropSegmentation patientOvertaken = engine.infer(patient, control);

        assertThat(patientOvertaken.classIndices()).isEqualTo(patientAlone.classIndices());
        assertThat(patientOvertaken.trust()).isEqualTo(patientAlone.trust());
        assertThat(overtaken).hasSize(2).allSatisfy(result -> {
            assertThat(result.classIndices()).isEqualTo(urgentAlone.classIndices());
            assertThat(result.trust()).isEqualTo(urgentAlone.trust());
        });
    }

    @Test
    void shouldRefuseWhenTheEngineIsClosed() throws Exception {
        NormalisedCrop crop = Crops.random(List.of("T1"), 8, 16, 24, 6);
        engine.infer(crop, new InferenceControl());

        engine.close();

        assertThat(refusal(crop, new InferenceControl()).kind()).isEqualTo(Kind.CLOSED);
        assertThatCode(engine::close).doesNotThrowAnyException();
        assertThat(catchThrowableOfType(EngineException.class, () -> BundleVerifier.verify(BUNDLE, engine))
                        .kind())
                .isEqualTo(Kind.CLOSED);
    }

    @Test
    void shouldEndAsClosedWhenClosedByTheHook() {
        InferenceControl control = new InferenceControl(this::closeUnchecked);

        assertThat(refusal(Crops.random(List.of("T1"), 20, 20, 30, 7), control).kind())
                .isEqualTo(Kind.CLOSED);
    }

    @Test
    void shouldEndAsClosedWhenClosedByAnotherThreadAtAnyTime() throws Exception {
        NormalisedCrop crop = Crops.random(BUNDLE.modalities(), 40, 64, 96, 8);
        ExecutorService other = Executors.newSingleThreadExecutor();
        try {
            for (int round = 0; round < 20; round++) {
                AtomicInteger windows = new AtomicInteger();
                InferenceEngine shortLived = InferenceEngine.open(BUNDLE, SETTINGS);
                int closeAt = round;
                Future<?> closing = other.submit(() -> {
                    while (windows.get() < closeAt) {
                        Thread.onSpinWait();
                    }
                    shortLived.close();
                    return null;
                });
                EngineException refusal = catchThrowableOfType(
                        EngineException.class,
                        () -> shortLived.infer(crop, new InferenceControl(windows::incrementAndGet)));
                closing.get();
                assertThat(refusal.kind()).isEqualTo(Kind.CLOSED);
            }
        } finally {
            other.shutdown();
        }
    }

    @Test
    void shouldRefuseAnotherThreadWhileTheFirstLives() throws Exception {
        NormalisedCrop crop = Crops.random(List.of("T1"), 8, 16, 24, 9);
        engine.infer(crop, new InferenceControl());
        ExecutorService other = Executors.newSingleThreadExecutor();
        try {
            Future<CropSegmentation> result = other.submit(() -> engine.infer(crop, new InferenceControl()));
            ExecutionException failure = catchThrowableOfType(ExecutionException.class, result::get);
            assertThat(failure).cause().isInstanceOf(EngineException.class);
            assertThat(((EngineException) failure.getCause()).kind()).isEqualTo(Kind.WRONG_THREAD);
        } finally {
            other.shutdown();
        }
    }

    @Test
    void shouldServeTheNextThreadWhenTheOwnerHasEnded() throws Exception {
        NormalisedCrop crop = Crops.random(List.of("T1"), 8, 16, 24, 10);
        ExecutorService first = Executors.newSingleThreadExecutor();
        first.submit(() -> engine.infer(crop, new InferenceControl())).get();
        first.shutdown();
        assertThat(first.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
        // The pool counts a worker as gone a moment before its thread is.
        EngineException refusal;
        do {
            refusal = refusal(crop, new InferenceControl());
        } while (refusal != null);
    }

    @Test
    void shouldRefuseBeforeAnyWindowWhenNoPreprocessorMakesSuchACrop() {
        AtomicInteger windows = new AtomicInteger();
        NormalisedCrop shorter = Crops.random(List.of("T1"), 7, 16, 24, 1);

        assertThat(refusal(shorter, new InferenceControl(windows::incrementAndGet))
                        .kind())
                .isEqualTo(Kind.INVALID_INPUT);
        assertThat(windows).hasValue(0);
    }

    @Test
    void shouldRefuseWhenTheStudyNeedsMoreMemoryThanAllowed() throws Exception {
        NormalisedCrop crop = Crops.random(List.of("T1"), 20, 20, 30, 12);
        long needed = engine.bytesNeeded(crop);

        try (InferenceEngine exact = InferenceEngine.open(BUNDLE, SETTINGS.withStudyMemoryBytes(needed));
                InferenceEngine tight = InferenceEngine.open(BUNDLE, SETTINGS.withStudyMemoryBytes(needed - 1))) {
            assertThat(exact.infer(crop, new InferenceControl()).windows()).isPositive();
            EngineException refusal =
                    catchThrowableOfType(EngineException.class, () -> tight.infer(crop, new InferenceControl()));
            assertThat(refusal.kind()).isEqualTo(Kind.STUDY_TOO_LARGE);
            assertThat(refusal.reason()).isEqualTo(FailureReason.STUDY_TOO_LARGE);
        }
    }

    @Test
    void shouldRefuseWhenTheInputIsNotANumber() {
        NormalisedCrop crop = Crops.random(List.of("T1"), 8, 16, 24, 13);
        crop.channels()[0][100] = Float.NaN;

        assertThat(refusal(crop, new InferenceControl()).kind()).isEqualTo(Kind.ENGINE_ERROR);
    }

    @Test
    void shouldGiveTheSameAnswersWhenOnlyOneSessionMayStayOpen() throws Exception {
        try (InferenceEngine small = InferenceEngine.open(BUNDLE, SETTINGS.withOpenSessions(1))) {
            for (List<String> subset : List.of(List.of("T1"), List.of("T2"), List.of("T1", "FLAIR"), List.of("T1"))) {
                NormalisedCrop crop = Crops.random(subset, 9, 17, 25, 14);
                assertThat(small.infer(crop, new InferenceControl()).classIndices())
                        .isEqualTo(engine.infer(crop, new InferenceControl()).classIndices());
            }
        }
    }

    @Test
    void shouldRefuseWhenAGraphOrTheWeightsChangeBeforeTheirSessionOpens(@TempDir Path folder) throws Exception {
        BundleFixture.copy(BundleFixture.tiny(), folder);
        try (InferenceEngine changed = InferenceEngine.open(BundleReader.open(folder), SETTINGS)) {
            changed.infer(Crops.random(List.of("T1"), 8, 16, 24, 15), new InferenceControl());
            byte[] weights = Files.readAllBytes(folder.resolve("graphs/weights.bin"));
            weights[5] ^= 1;
            Files.delete(folder.resolve("graphs/weights.bin"));
            Files.write(folder.resolve("graphs/weights.bin"), weights);

            EngineException refusal = catchThrowableOfType(
                    EngineException.class,
                    () -> changed.infer(Crops.random(List.of("T2"), 8, 16, 24, 15), new InferenceControl()));

            assertThat(refusal.kind()).isEqualTo(Kind.BUNDLE_REFUSED);
            assertThat(refusal).hasMessageContaining("graphs/weights.bin").hasMessageNotContaining(folder.toString());
        }
    }

    @Test
    void shouldRefuseWhenAGraphHasAnotherInterface(@TempDir Path folder) throws Exception {
        BundleFixture.copy(BundleFixture.tiny(), folder);
        byte[] pair = Files.readAllBytes(folder.resolve("graphs/T1+T2.onnx"));
        BundleFixture.replaceListed(folder, "graphs/T1.onnx", pair);
        try (InferenceEngine other = InferenceEngine.open(BundleReader.open(folder), SETTINGS)) {
            EngineException refusal = catchThrowableOfType(
                    EngineException.class,
                    () -> other.infer(Crops.random(List.of("T1"), 8, 16, 24, 16), new InferenceControl()));

            assertThat(refusal.kind()).isEqualTo(Kind.BUNDLE_REFUSED);
            assertThat(refusal).hasMessageContaining("graphs/T1.onnx").hasMessageContaining("[1, 1, 8, 16, 24]");
        }
    }

    @Test
    void shouldFailTypedWhenAGraphIsNoGraph(@TempDir Path folder) throws Exception {
        BundleFixture.copy(BundleFixture.tiny(), folder);
        BundleFixture.replaceListed(folder, "graphs/T1.onnx", "not a graph".getBytes());
        try (InferenceEngine other = InferenceEngine.open(BundleReader.open(folder), SETTINGS)) {
            EngineException refusal = catchThrowableOfType(
                    EngineException.class,
                    () -> other.infer(Crops.random(List.of("T1"), 8, 16, 24, 17), new InferenceControl()));

            assertThat(refusal.kind()).isEqualTo(Kind.ENGINE_ERROR);
            assertThat(refusal).hasMessageContaining("graphs/T1.onnx");
        }
    }

    private EngineException refusal(NormalisedCrop crop, InferenceControl control) {
        return catchThrowableOfType(EngineException.class, () -> engine.infer(crop, control));
    }

    private CropSegmentation inferUnchecked(NormalisedCrop crop) {
        try {
            return engine.infer(crop, new InferenceControl());
        } catch (EngineException e) {
            throw new IllegalStateException(e);
        }
    }

    private void closeUnchecked() {
        try {
            engine.close();
        } catch (EngineException e) {
            throw new IllegalStateException(e);
        }
    }
}
