package io.cloe.worker.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtSession;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.worker.bundle.BundleFixture;
import io.cloe.worker.bundle.BundleReader;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.inference.CropSegmentation.Tiling;
import io.cloe.worker.inference.EngineException.Kind;
import io.cloe.worker.volume.NormalisedCrop;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Graphs that a bundle has on request: whole crops, the consistency of pairs, and what is left when the device has no memory. */
@Timeout(60)
class ExtraGraphsEngineTest {

    private static final int[] WHOLE = {16, 32, 48};

    private final ModelBundle bundle = BundleFixture.openTinyExtra();
    private final EngineSettings settings = EngineSettings.defaults()
            .withDevice(new DeviceChoice.Cpu())
            .withThreads(1)
            .withWholeCrop(false);

    @ParameterizedTest
    @CsvSource({"T1, 16, 32, 48", "T1 T2, 9, 30, 47", "T1 T2 FLAIR, 12, 27, 41"})
    void shouldAnswerAsTheGraphDoesWhenTheWholeCropIsSegmentedAtOnce(String subset, int depth, int height, int width)
            throws Exception {
        NormalisedCrop crop = Crops.random(List.of(subset.split(" ")), depth, height, width, 3);

        CropSegmentation actual = infer(bundle, settings.withWholeCrop(true), crop);

        assertThat(actual.tiling()).isEqualTo(Tiling.WHOLE_CROP);
        assertThat(actual.windows()).isEqualTo(1);
        assertThat(actual.classIndices()).isEqualTo(labelsOfGraph(crop));
        assertThat(actual.gateActed()).isEqualTo(crop.modalities().size() > 2);
        assertThat(actual.trust()).allMatch(trust -> trust.weight().spread() == 0);
        assertThat(actual.trust().stream()
                        .mapToDouble(trust -> trust.weight().mean())
                        .sum())
                .isCloseTo(1, within(1e-6));
    }

    @Test
    void shouldBeginAWholeCropAgainOnceWhenSomethingMoreUrgentComes() throws Exception {
        NormalisedCrop crop = Crops.random(List.of("T1", "T2", "FLAIR"), 12, 27, 41, 3);
        NormalisedCrop urgent = Crops.random(List.of("T1", "T2", "FLAIR"), 16, 32, 48, 8);
        try (InferenceEngine engine = InferenceEngine.open(bundle, settings.withWholeCrop(true))) {
            CropSegmentation alone = engine.infer(crop, new InferenceControl());
            CropSegmentation urgentAlone = engine.infer(urgent, new InferenceControl());
            List<CropSegmentation> between = new ArrayList<>();
            AtomicInteger calls = new AtomicInteger();
            InferenceControl[] control = new InferenceControl[1];
            control[0] = new InferenceControl(() -> {
                if (calls.incrementAndGet() > 1) {
                    between.add(inferUnchecked(engine, urgent));
                }
                // As if it came just after the hook had looked.
                control[0].makeWay();
            });

            CropSegmentation interrupted = engine.infer(crop, control[0]);

            assertThat(calls).hasValue(2);
            assertThat(interrupted.tiling()).isEqualTo(Tiling.WHOLE_CROP);
            assertThat(interrupted.windows()).isOne();
            assertThat(interrupted.classIndices()).isEqualTo(alone.classIndices());
            assertThat(interrupted.trust()).isEqualTo(alone.trust());
            assertThat(between).singleElement().satisfies(made -> {
                assertThat(made.classIndices()).isEqualTo(urgentAlone.classIndices());
                assertThat(made.trust()).isEqualTo(urgentAlone.trust());
            });
        }
    }

    @Test
    void shouldEndAWholeCropThatMadeWayWhenItIsCancelledMeanwhile() throws Exception {
        NormalisedCrop crop = Crops.random(List.of("T1"), 16, 32, 48, 3);
        AtomicInteger calls = new AtomicInteger();
        InferenceControl[] control = new InferenceControl[1];
        control[0] = new InferenceControl(() -> {
            if (calls.incrementAndGet() > 1) {
                control[0].cancel("withdrawn");
            }
            control[0].makeWay();
        });
        try (InferenceEngine engine = InferenceEngine.open(bundle, settings.withWholeCrop(true))) {
            assertThatThrownBy(() -> engine.infer(crop, control[0]))
                    .isInstanceOf(CancelledException.class)
                    .hasMessage("withdrawn");
            assertThat(engine.infer(crop, new InferenceControl()).tiling()).isEqualTo(Tiling.WHOLE_CROP);
        }
    }

    private Set<ReviewFlag> flagsOf(CropSegmentation result, NormalisedCrop crop) {
        FieldOfView field = FieldOfView.wholeCrop(crop.depth(), crop.height(), crop.width());
        return ReviewFlags.of(bundle, crop, field, result, new double[] {1, 1, 1}, ReviewLimits.defaults());
    }

    private static CropSegmentation inferUnchecked(InferenceEngine engine, NormalisedCrop crop) {
        try {
            return engine.infer(crop, new InferenceControl());
        } catch (EngineException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void shouldRunWindowsAndSaySoWhenTheCropIsLargerThanAnyGraph() throws Exception {
        NormalisedCrop large = Crops.random(List.of("T1"), 17, 32, 48, 4);

        CropSegmentation result = infer(bundle, settings.withWholeCrop(true), large);

        assertThat(result.tiling()).isEqualTo(Tiling.WINDOWS_FOR_WANT_OF_ROOM);
        assertThat(flagsOf(result, large)).contains(ReviewFlag.NOT_AT_ONCE);
    }

    @Test
    void shouldRunWindowsAndSaySoWhenAWholeCropTakesMoreMemoryThanAllowed(@TempDir Path folder) throws Exception {
        Path stated = BundleFixture.copy(BundleFixture.tinyExtra(), folder.resolve("stated"));
        BundleFixture.editManifest(stated, manifest -> manifest.get("extraGraphs")
                .forEach(graph -> ((ObjectNode) graph).put("activationMib", 1_000)));
        NormalisedCrop fitting = Crops.random(List.of("T1"), 16, 32, 48, 4);

        CropSegmentation result =
                infer(BundleReader.open(stated), settings.withWholeCropBytes(OptionalLong.of(1_000L << 20)), fitting);

        assertThat(result.tiling()).isEqualTo(Tiling.WINDOWS_FOR_WANT_OF_ROOM);
    }

    @Test
    void shouldRunWindowsAsAMatterOfCourseWhenNobodyWantsWholeCropsOrTheCropIsSmall() throws Exception {
        NormalisedCrop small = Crops.random(List.of("T1"), 9, 20, 30, 4);
        NormalisedCrop fitting = Crops.random(List.of("T1"), 16, 32, 48, 4);

        CropSegmentation unasked = infer(bundle, settings, fitting);
        assertThat(unasked.tiling()).isEqualTo(Tiling.WINDOWS);
        assertThat(flagsOf(unasked, fitting)).doesNotContain(ReviewFlag.NOT_AT_ONCE);
        assertThat(infer(bundle, settings.withWholeCrop(true), small).tiling()).isEqualTo(Tiling.WINDOWS);
        assertThat(infer(BundleFixture.openTiny(), settings.withWholeCrop(true), fitting))
                .satisfies(plain -> assertThat(plain.tiling()).isEqualTo(Tiling.WINDOWS));
    }

    @ParameterizedTest
    @CsvSource({"T1", "T2 FLAIR", "T1 T2 FLAIR"})
    void shouldAnswerAsWithProbabilitiesWhenLabelsComeFromTheGraphBecauseOneWindowCoversAll(String subset)
            throws Exception {
        NormalisedCrop crop = Crops.random(List.of(subset.split(" ")), 8, 16, 24, 11);

        CropSegmentation plain = infer(BundleFixture.openTiny(), settings, crop);
        CropSegmentation labels = infer(bundle, settings, crop);

        assertThat(labels.classIndices()).isEqualTo(plain.classIndices());
        assertThat(labels.trust()).isEqualTo(plain.trust());
        assertThat(labels.gateActed()).isEqualTo(plain.gateActed());
        assertThat(labels.tiling()).isEqualTo(plain.tiling());
        assertThat(labels.windows()).isEqualTo(plain.windows());
    }

    @Test
    void shouldKnowTheConsistencyOfTwoWithEqualWeightsWhenAskedFor() throws Exception {
        NormalisedCrop crop = Crops.random(List.of("T1", "T2"), 9, 17, 30, 5);

        CropSegmentation plain = infer(bundle, settings, crop);
        CropSegmentation asked =
                infer(bundle, settings.withPairConsistency(true).withWholeCrop(true), crop);

        assertThat(plain.trust()).allMatch(trust -> trust.globalConsistency().isEmpty());
        assertThat(asked.gateActed()).isFalse();
        assertThat(asked.classIndices()).isEqualTo(plain.classIndices());
        assertThat(asked.trust()).allSatisfy(trust -> {
            assertThat(trust.weight()).isEqualTo(new Estimate(0.5, 0));
            assertThat(trust.globalConsistency().orElseThrow().mean()).isBetween(0.01, 0.9999);
            assertThat(trust.regionalConsistency()).isPresent();
        });
        assertThat(asked.trust().get(0).globalConsistency()).hasValueSatisfying(first -> assertThat(first.mean())
                .isCloseTo(
                        asked.trust().get(1).globalConsistency().orElseThrow().mean(), within(1e-6)));
    }

    @Test
    void shouldReportTheStatedWeightsOfTwoWhenTheModelPrefersOne(@TempDir Path folder) throws Exception {
        Path biased = BundleFixture.copy(BundleFixture.tinyExtra(), folder.resolve("biased"));
        BundleFixture.editManifest(
                biased, manifest -> ((ObjectNode) manifest.get("graphs").get(3))
                        .putArray("weights")
                        .add(0.75)
                        .add(0.25));
        ModelBundle preferring = BundleReader.open(biased);
        NormalisedCrop crop = Crops.random(preferring.graphs().get(3).modalities(), 16, 17, 47, 5);
        List<Estimate> stated = List.of(new Estimate(0.75, 0), new Estimate(0.25, 0));

        for (EngineSettings each :
                List.of(settings, settings.withWholeCrop(true), settings.withPairConsistency(true))) {
            CropSegmentation result = infer(preferring, each, crop);
            assertThat(result.gateActed()).isFalse();
            assertThat(result.trust()).extracting(ModalityTrust::weight).containsExactlyElementsOf(stated);
        }
    }

    @Test
    void shouldGoOnWithSmallWindowsAndSaySoWhenTheDeviceHasNoMemoryForTheUsualOnes() throws Exception {
        NormalisedCrop crop = Crops.random(List.of("FLAIR"), 9, 17, 30, 6);
        try (InferenceEngine engine = InferenceEngine.open(bundle, settings.withWholeCrop(true))) {
            CropSegmentation poor = engine.infer(crop, new InferenceControl());
            CropSegmentation rich = infer(BundleFixture.openTiny(), settings, crop);

            assertThat(poor.tiling()).isEqualTo(Tiling.SMALL_WINDOWS);
            assertThat(poor.windows()).isEqualTo(2 * 4 * 3);
            // The tiny network sees one voxel around each: only what lies at the edges of windows may differ.
            assertThat(equalPart(poor.classIndices(), rich.classIndices())).isBetween(0.8, 1.0);
            assertThat(flagsOf(poor, crop)).contains(ReviewFlag.SMALL_WINDOWS);
            assertThat(engine.infer(Crops.random(List.of("FLAIR"), 16, 17, 47, 6), new InferenceControl())
                            .tiling())
                    .isEqualTo(Tiling.SMALL_WINDOWS);
            assertThat(engine.infer(Crops.random(List.of("T1"), 16, 17, 47, 6), new InferenceControl())
                            .tiling())
                    .isEqualTo(Tiling.WHOLE_CROP);
        }
    }

    @Test
    void shouldFailAsOutOfMemoryWhenTheBundleHasNoSmallWindows(@TempDir Path folder) throws Exception {
        Path plain = BundleFixture.copy(BundleFixture.tinyExtra(), folder.resolve("plain"));
        BundleFixture.editManifest(plain, manifest -> manifest.remove("extraGraphs"));
        try (InferenceEngine engine = InferenceEngine.open(BundleReader.open(plain), settings)) {
            assertThat(catchThrowableOfType(
                                    EngineException.class,
                                    () -> engine.infer(
                                            Crops.random(List.of("FLAIR"), 9, 17, 30, 6), new InferenceControl()))
                            .kind())
                    .isEqualTo(Kind.OUT_OF_MEMORY);
            assertThat(engine.infer(Crops.random(List.of("T1"), 9, 17, 30, 6), new InferenceControl())
                            .windows())
                    .isPositive();
        }
    }

    @Test
    void shouldGiveTheSameAnswersWhenItsSessionsWereClosedForBeingIdle() throws Exception {
        NormalisedCrop crop = Crops.random(bundle.modalities(), 12, 30, 40, 7);
        try (InferenceEngine engine = InferenceEngine.open(bundle, settings.withWholeCrop(true))) {
            CropSegmentation before = engine.infer(crop, new InferenceControl());
            engine.closeSessionsIdleFor(Duration.ZERO);
            CropSegmentation after = engine.infer(crop, new InferenceControl());

            assertThat(after.classIndices()).isEqualTo(before.classIndices());
            assertThat(after.trust()).isEqualTo(before.trust());
        }
    }

    @Test
    void shouldNameTheModeThatChangesAnswersAlone() throws Exception {
        EngineSettings both = settings.withWholeCrop(true).withPairConsistency(true);
        try (InferenceEngine plain = InferenceEngine.open(bundle, settings);
                InferenceEngine without = InferenceEngine.open(BundleFixture.openTiny(), both);
                InferenceEngine with = InferenceEngine.open(bundle, both)) {
            assertThat(plain.mode()).isEmpty();
            assertThat(without.mode()).isEmpty();
            assertThat(with.mode()).isEqualTo("whole-crop,pair-consistency");
        }
    }

    private static CropSegmentation infer(ModelBundle bundle, EngineSettings settings, NormalisedCrop crop)
            throws EngineException {
        try (InferenceEngine engine = InferenceEngine.open(bundle, settings)) {
            return engine.infer(crop, new InferenceControl());
        }
    }

    private static double equalPart(byte[] ours, byte[] theirs) {
        int equal = 0;
        for (int i = 0; i < ours.length; i++) {
            equal += ours[i] == theirs[i] ? 1 : 0;
        }
        return (double) equal / ours.length;
    }

    /** The graph's labels, run by hand. */
    private byte[] labelsOfGraph(NormalisedCrop crop) throws Exception {
        int channels = crop.modalities().size();
        float[] input = new float[channels * WHOLE[0] * WHOLE[1] * WHOLE[2]];
        for (int c = 0; c < channels; c++) {
            for (int voxel = 0; voxel < crop.voxels(); voxel++) {
                input[c * WHOLE[0] * WHOLE[1] * WHOLE[2] + padded(crop, voxel)] = crop.channels()[c][voxel];
            }
        }
        OrtEnvironment environment = OnnxRuntime.environment();
        Path file = bundle.files()
                .root()
                .resolve("graphs/" + String.join("+", crop.modalities()) + ".whole-crop-16x32x48.onnx");
        byte[] labels = new byte[crop.voxels()];
        try (OrtSession session = environment.createSession(file.toString());
                OnnxTensor tensor = OnnxTensor.createTensor(
                        environment, FloatBuffer.wrap(input), new long[] {1, channels, WHOLE[0], WHOLE[1], WHOLE[2]});
                OrtSession.Result result = session.run(Map.of("volumes", tensor))) {
            byte[] padded = new byte[WHOLE[0] * WHOLE[1] * WHOLE[2]];
            ((OnnxTensor) result.get("labels").orElseThrow()).getByteBuffer().get(padded);
            crop.brain().stream().forEach(voxel -> labels[voxel] = padded[padded(crop, voxel)]);
        }
        return labels;
    }

    private static int padded(NormalisedCrop crop, int voxel) {
        int x = voxel % crop.width();
        int y = voxel / crop.width() % crop.height();
        int z = voxel / crop.width() / crop.height();
        return (z * WHOLE[1] + y) * WHOLE[2] + x;
    }
}
