package io.cloe.worker.inference.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.TranslateException;
import io.cloe.worker.bundle.BundleFixture;
import io.cloe.worker.inference.CropSegmentation;
import io.cloe.worker.inference.Crops;
import io.cloe.worker.inference.DeviceChoice;
import io.cloe.worker.inference.EngineException;
import io.cloe.worker.inference.EngineSettings;
import io.cloe.worker.inference.InferenceControl;
import io.cloe.worker.inference.InferenceEngine;
import io.cloe.worker.volume.NormalisedCrop;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CloeModelsTest {

    private static final EngineSettings CPU =
            EngineSettings.defaults().withDevice(new DeviceChoice.Cpu()).withThreads(1);

    @ParameterizedTest
    @ValueSource(strings = {"T2", "T1 FLAIR", "T1 T2 FLAIR"})
    void shouldPredictWhatTheEngineInfersWhenAskedThroughDjl(String subset) throws Exception {
        NormalisedCrop crop = Crops.random(List.of(subset.split(" ")), 12, 20, 30, 21);
        try (ZooModel<NormalisedCrop, CropSegmentation> model = CloeModels.load(BundleFixture.tiny(), CPU);
                Predictor<NormalisedCrop, CropSegmentation> predictor = model.newPredictor();
                InferenceEngine engine = InferenceEngine.open(BundleFixture.openTiny(), CPU)) {
            CropSegmentation expected = engine.infer(crop, new InferenceControl());

            CropSegmentation actual = predictor.predict(crop);

            assertThat(actual.classIndices()).isEqualTo(expected.classIndices());
            assertThat(actual.trust()).isEqualTo(expected.trust());
            assertThat(actual.gateActed()).isEqualTo(expected.gateActed());
            assertThat(actual.windows()).isEqualTo(expected.windows());
            assertThat(model.getProperty("version")).isEqualTo("1.0.0");
        }
    }

    @Test
    void shouldPredictWithoutWeightsWhenTheModelHasNoGate(@TempDir Path folder) throws Exception {
        BundleFixture.withoutGate(folder);
        NormalisedCrop crop = Crops.random(List.of("T1", "T2", "FLAIR"), 12, 20, 30, 21);
        try (ZooModel<NormalisedCrop, CropSegmentation> model = CloeModels.load(folder, CPU);
                Predictor<NormalisedCrop, CropSegmentation> predictor = model.newPredictor()) {
            assertThat(predictor.predict(crop).trust()).isEmpty();
        }
    }

    @Test
    void shouldFailTypedWhenTheCropIsUnusableOrTheModelClosed() throws Exception {
        ZooModel<NormalisedCrop, CropSegmentation> model = CloeModels.load(BundleFixture.tiny(), CPU);
        try (Predictor<NormalisedCrop, CropSegmentation> predictor = model.newPredictor()) {
            assertThatThrownBy(() -> predictor.predict(Crops.random(List.of("T1"), 4, 4, 4, 1)))
                    .isInstanceOf(TranslateException.class)
                    .hasRootCauseInstanceOf(EngineException.class);
        } finally {
            model.close();
        }
    }

    @Test
    void shouldOpenOneGraphWhenStockDjlIsPointedAtTheBundle() throws Exception {
        NormalisedCrop noise = Crops.random(List.of("T1"), 8, 16, 24, 22);
        BitSet everywhere = new BitSet();
        everywhere.set(0, noise.voxels());
        NormalisedCrop crop = new NormalisedCrop(noise.modalities(), 8, 16, 24, noise.channels(), everywhere);
        Criteria<NDList, NDList> criteria = Criteria.builder()
                .setTypes(NDList.class, NDList.class)
                .optModelPath(BundleFixture.tiny().resolve("graphs"))
                .optModelName("T1")
                .optEngine("OnnxRuntime")
                .build();
        try (InferenceEngine engine = InferenceEngine.open(BundleFixture.openTiny(), CPU);
                ZooModel<NDList, NDList> stock = criteria.loadModel();
                Predictor<NDList, NDList> predictor = stock.newPredictor();
                NDManager manager = stock.getNDManager().newSubManager()) {
            NDArray input =
                    manager.create(FloatBuffer.wrap(crop.channels()[0]), new Shape(1, 1, 8, 16, 24), DataType.FLOAT32);

            float[] probabilities =
                    predictor.predict(new NDList(input)).singletonOrThrow().toFloatArray();

            byte[] labels = engine.infer(crop, new InferenceControl()).classIndices();
            for (int voxel = 0; voxel < labels.length; voxel++) {
                for (int c = 0; c < 3; c++) {
                    assertThat(probabilities[labels[voxel] * labels.length + voxel])
                            .isGreaterThanOrEqualTo(probabilities[c * labels.length + voxel] - 1e-5f);
                }
            }
        }
    }
}
