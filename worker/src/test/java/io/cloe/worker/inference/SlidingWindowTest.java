package io.cloe.worker.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtSession;
import io.cloe.worker.bundle.BundleFixture;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.volume.NormalisedCrop;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The engine against the contract written down a second time, without windows kept in slabs, pinned tensors or shared buffers. */
class SlidingWindowTest {

    private static final ModelBundle BUNDLE = BundleFixture.openTiny();
    private static InferenceEngine engine;

    @BeforeAll
    static void open() throws EngineException {
        engine = InferenceEngine.open(
                BUNDLE,
                EngineSettings.defaults().withDevice(new DeviceChoice.Cpu()).withThreads(1));
    }

    @AfterAll
    static void close() throws EngineException {
        engine.close();
    }

    @ParameterizedTest
    @CsvSource({
        "T1, 8, 16, 24",
        "T2, 9, 17, 25",
        "T1 FLAIR, 31, 16, 40",
        "T1 T2 FLAIR, 8, 16, 24",
        "T1 T2 FLAIR, 20, 37, 24",
        "T1 T2 FLAIR, 24, 40, 61"
    })
    void shouldEqualTheBruteForceAnswerWhenWindowsOverlap(String subset, int depth, int height, int width)
            throws Exception {
        List<String> modalities = List.of(subset.split(" "));
        NormalisedCrop crop = Crops.random(modalities, depth, height, width, depth * 31L + width);

        CropSegmentation actual = engine.infer(crop, new InferenceControl());

        BruteForce expected = BruteForce.run(crop);
        assertThat(actual.classIndices()).isEqualTo(expected.labels);
        assertThat(actual.windows()).isEqualTo(expected.masses.size());
        assertThat(actual.sessionNanos()).isPositive();
        assertThat(actual.gateActed()).isEqualTo(modalities.size() > 2);
        for (int m = 0; m < modalities.size() && actual.gateActed(); m++) {
            ModalityTrust trust = actual.trust().get(m);
            assertThat(trust.modality()).isEqualTo(modalities.get(m));
            expected.requireEqual(trust.weight(), "weights", m);
            expected.requireEqual(trust.globalConsistency().orElseThrow(), "consistency_global", m);
            expected.requireEqual(trust.regionalConsistency().orElseThrow(), "consistency_regional", m);
        }
    }

    @Test
    void shouldFindEveryClassWhenTheInputIsNoise() throws Exception {
        NormalisedCrop crop = Crops.random(BUNDLE.modalities(), 16, 32, 48, 5);

        CropSegmentation segmentation = engine.infer(crop, new InferenceControl());

        assertThat(segmentation.voxelsPerClass(BUNDLE)).hasSize(3).doesNotContain(0);
    }

    @Test
    void shouldLabelNothingOutsideTheBrain() throws Exception {
        NormalisedCrop crop = Crops.random(List.of("T1"), 16, 20, 30, 6);

        byte[] labels = engine.infer(crop, new InferenceControl()).classIndices();

        for (int i = crop.brain().nextClearBit(0);
                i < crop.voxels();
                i = crop.brain().nextClearBit(i + 1)) {
            assertThat(labels[i]).isZero();
        }
    }

    @Test
    void shouldReportWeightOneAndNoConsistencyWhenOneModalityCame() throws Exception {
        CropSegmentation segmentation =
                engine.infer(Crops.random(List.of("FLAIR"), 8, 16, 30, 7), new InferenceControl());

        assertThat(segmentation.gateActed()).isFalse();
        assertThat(segmentation.trust())
                .containsExactly(new ModalityTrust("FLAIR", new Estimate(1, 0), Optional.empty(), Optional.empty()));
    }

    @Test
    void shouldReportHalvesThatTheGateDidNotChooseWhenTwoModalitiesCame() throws Exception {
        CropSegmentation segmentation =
                engine.infer(Crops.random(List.of("T1", "T2"), 8, 16, 30, 8), new InferenceControl());

        assertThat(segmentation.gateActed()).isFalse();
        assertThat(segmentation.trust())
                .extracting(ModalityTrust::weight)
                .containsExactly(new Estimate(0.5, 0), new Estimate(0.5, 0));
        assertThat(segmentation.trust())
                .allMatch(trust -> trust.globalConsistency().isEmpty()
                        && trust.regionalConsistency().isEmpty());
    }

    @Test
    void shouldGiveTheSameBytesWhenTheSameCropComesAgain() throws Exception {
        NormalisedCrop crop = Crops.random(BUNDLE.modalities(), 20, 37, 50, 9);

        CropSegmentation first = engine.infer(crop, new InferenceControl());
        engine.infer(Crops.random(List.of("T2"), 8, 16, 24, 10), new InferenceControl());
        CropSegmentation second = engine.infer(crop, new InferenceControl());

        assertThat(second.classIndices()).isEqualTo(first.classIndices());
        assertThat(second.trust()).isEqualTo(first.trust());
    }

    private static final class BruteForce {
        private final List<Double> masses = new ArrayList<>();
        private final List<Map<String, double[]>> gates = new ArrayList<>();
        private byte[] labels;

        static BruteForce run(NormalisedCrop crop) throws Exception {
            BruteForce result = new BruteForce();
            String file = "graphs/" + String.join("+", crop.modalities()) + ".onnx";
            OrtEnvironment environment = OnnxRuntime.environment();
            int classes = BUNDLE.classes().size();
            double[][] sums = new double[classes][crop.voxels()];
            // One thread as the engine under test: sums over all voxels depend on how they are split.
            OrtSession.SessionOptions options = new OrtSession.SessionOptions();
            options.setIntraOpNumThreads(1);
            try (options;
                    OrtSession session = environment.createSession(
                            BundleFixture.tiny().resolve(file).toString(), options)) {
                for (int z : starts(crop.depth(), 8)) {
                    for (int y : starts(crop.height(), 16)) {
                        for (int x : starts(crop.width(), 24)) {
                            result.window(environment, session, crop, sums, z, y, x);
                        }
                    }
                }
            }
            result.labels = new byte[crop.voxels()];
            for (int i = 0; i < crop.voxels(); i++) {
                for (int c = 0; crop.brain().get(i) && c < classes; c++) {
                    if (sums[c][i] > sums[result.labels[i]][i]) {
                        result.labels[i] = (byte) c;
                    }
                }
            }
            return result;
        }

        private void window(
                OrtEnvironment environment,
                OrtSession session,
                NormalisedCrop crop,
                double[][] sums,
                int z0,
                int y0,
                int x0)
                throws Exception {
            FloatBuffer input = FloatBuffer.allocate(crop.modalities().size() * 8 * 16 * 24);
            for (float[] channel : crop.channels()) {
                for (int i = 0; i < 8 * 16 * 24; i++) {
                    input.put(channel[index(crop, z0 + i / 384, y0 + i / 24 % 16, x0 + i % 24)]);
                }
            }
            long[] shape = {1, crop.modalities().size(), 8, 16, 24};
            try (OnnxTensor tensor = OnnxTensor.createTensor(environment, input.rewind(), shape);
                    OrtSession.Result result = session.run(Map.of("volumes", tensor))) {
                float[][][][] p = ((float[][][][][])
                                result.get("probabilities").orElseThrow().getValue())
                        [0];
                double mass = 0;
                for (int i = 0; i < 8 * 16 * 24; i++) {
                    int z = i / 384;
                    int y = i / 24 % 16;
                    int x = i % 24;
                    mass += 1.0 - p[0][z][y][x];
                    for (int c = 0; c < p.length; c++) {
                        sums[c][index(crop, z0 + z, y0 + y, x0 + x)] += p[c][z][y][x];
                    }
                }
                masses.add(mass);
                Map<String, double[]> gate = new HashMap<>();
                for (Map.Entry<String, OnnxValue> output : result) {
                    if (!output.getKey().equals("probabilities")) {
                        float[] values = ((float[][]) output.getValue().getValue())[0];
                        double[] wide = new double[values.length];
                        for (int i = 0; i < values.length; i++) {
                            wide[i] = values[i];
                        }
                        gate.put(output.getKey(), wide);
                    }
                }
                gates.add(gate);
            }
        }

        void requireEqual(Estimate estimate, String output, int modality) {
            double total = masses.stream().mapToDouble(Double::doubleValue).sum();
            double mean = 0;
            double square = 0;
            for (int i = 0; i < masses.size(); i++) {
                double value = gates.get(i).get(output)[modality];
                mean += masses.get(i) / total * value;
                square += masses.get(i) / total * value * value;
            }
            assertThat(estimate.mean()).isCloseTo(mean, within(1e-9));
            assertThat(estimate.spread()).isCloseTo(Math.sqrt(Math.max(0, square - mean * mean)), within(1e-6));
        }

        private static List<Integer> starts(int size, int window) {
            List<Integer> starts = new ArrayList<>();
            for (int start = 0; start + window < size; start += window / 2) {
                starts.add(start);
            }
            starts.add(size - window);
            return starts;
        }

        private static int index(NormalisedCrop crop, int z, int y, int x) {
            return (z * crop.height() + y) * crop.width() + x;
        }
    }
}
