package io.cloe.worker.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OrtException;
import io.cloe.worker.bundle.BundleReader;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.volume.NormalisedCrop;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** The bundle that ships with the project, as the Python exporter wrote it. */
class DemonstrationBundleTest {

    private static final Path FOLDER = Path.of("..", "model-export", "bundles", "cloe-w8-demo");
    private static ModelBundle bundle;

    @BeforeAll
    static void open() throws Exception {
        Assumptions.assumeTrue(Files.exists(FOLDER), "the demonstration bundle is not in this checkout");
        bundle = BundleReader.open(FOLDER);
    }

    @Test
    void shouldVerifyAndRunWhenTheExporterWroteTheBundle() throws Exception {
        Map<Integer, Double> millisecondsPerWindow = new TreeMap<>();
        try (InferenceEngine engine =
                BundleVerifier.openVerified(bundle, EngineSettings.defaults().withDevice(new DeviceChoice.Cpu()))) {
            engine.openEverySession();
            for (int size = 1; size <= bundle.modalities().size(); size++) {
                NormalisedCrop crop = Crops.random(
                        bundle.modalities().subList(0, size),
                        bundle.window().depth(),
                        bundle.window().height(),
                        bundle.window().width(),
                        size);
                CropSegmentation segmentation = engine.infer(crop, new InferenceControl());

                assertThat(segmentation.windows()).isOne();
                assertThat(segmentation.trust().stream()
                                .mapToDouble(trust -> trust.weight().mean())
                                .sum())
                        .isCloseTo(1, within(1e-5));
                millisecondsPerWindow.put(size, segmentation.sessionNanos() / 1e6);
            }
        }
        LoggerFactory.getLogger(DemonstrationBundleTest.class)
                .info("Milliseconds of the first window by number of modalities: {}", millisecondsPerWindow);
    }

    @Test
    void shouldStopInsideAWindowWhenCancelledMeanwhile() throws Exception {
        NormalisedCrop crop = Crops.random(
                bundle.modalities(),
                bundle.window().depth(),
                bundle.window().height(),
                bundle.window().width(),
                9);
        ScheduledExecutorService other = Executors.newSingleThreadScheduledExecutor();
        try (InferenceEngine engine =
                InferenceEngine.open(bundle, EngineSettings.defaults().withDevice(new DeviceChoice.Cpu()))) {
            engine.openEverySession();
            InferenceControl[] control = new InferenceControl[1];
            control[0] = new InferenceControl(
                    () -> other.schedule(() -> control[0].cancel("deadline"), 5, TimeUnit.MILLISECONDS));

            assertThatThrownBy(() -> engine.infer(crop, control[0]))
                    .isInstanceOf(CancelledException.class)
                    .hasMessage("deadline")
                    .hasCauseInstanceOf(OrtException.class);
        } finally {
            other.shutdown();
        }
    }

    @Test
    void shouldStopAWholeBrainInTheMiddleAndBeginItAgainWhenSomethingMoreUrgentComes() throws Exception {
        NormalisedCrop crop = Crops.random(List.of("T1"), 136, 170, 140, 10);
        ScheduledExecutorService other = Executors.newSingleThreadScheduledExecutor();
        EngineSettings settings = EngineSettings.defaults().withDevice(new DeviceChoice.Cpu());
        try (InferenceEngine engine = InferenceEngine.open(bundle, settings)) {
            AtomicInteger calls = new AtomicInteger();
            InferenceControl[] control = new InferenceControl[1];
            control[0] = new InferenceControl(() -> {
                if (calls.incrementAndGet() == 1) {
                    other.schedule(() -> control[0].makeWay(), 500, TimeUnit.MILLISECONDS);
                }
            });

            CropSegmentation segmentation = engine.infer(crop, control[0]);

            assertThat(segmentation.tiling()).isEqualTo(CropSegmentation.Tiling.WHOLE_CROP);
            assertThat(calls).hasValue(2);
        } finally {
            other.shutdown();
        }
    }
}
