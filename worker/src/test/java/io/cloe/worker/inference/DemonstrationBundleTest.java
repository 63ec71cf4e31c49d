package io.cloe.worker.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.cloe.worker.bundle.BundleReader;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.bundle.SubsetGraph;
import io.cloe.worker.volume.NormalisedCrop;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
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
    void shouldVerifyAndRunEverySubsetWhenTheExporterWroteTheBundle() throws Exception {
        Map<Integer, Double> millisecondsPerWindow = new TreeMap<>();
        Map<Integer, Integer> graphs = new TreeMap<>();
        try (InferenceEngine engine =
                BundleVerifier.openVerified(bundle, EngineSettings.defaults().withDevice(new DeviceChoice.Cpu()))) {
            assertThat(BundleVerifier.verifyEveryGraph(bundle, engine).largestDifference())
                    .isLessThan(1e-3);
            for (SubsetGraph graph : bundle.graphs()) {
                NormalisedCrop crop = Crops.random(
                        graph.modalities(),
                        bundle.window().depth(),
                        bundle.window().height(),
                        bundle.window().width(),
                        graph.hashCode());
                CropSegmentation segmentation = engine.infer(crop, new InferenceControl());

                assertThat(segmentation.windows()).isOne();
                assertThat(segmentation.trust().stream()
                                .mapToDouble(trust -> trust.weight().mean())
                                .sum())
                        .isCloseTo(1, within(1e-5));
                int size = graph.modalities().size();
                millisecondsPerWindow.merge(size, segmentation.sessionNanos() / 1e6, Double::sum);
                graphs.merge(size, 1, Integer::sum);
            }
        }
        millisecondsPerWindow.replaceAll((size, total) -> total / graphs.get(size));
        LoggerFactory.getLogger(DemonstrationBundleTest.class)
                .info("Milliseconds per window by number of modalities: {}", millisecondsPerWindow);
    }
}
