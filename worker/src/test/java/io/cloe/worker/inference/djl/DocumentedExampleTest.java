package io.cloe.worker.inference.djl;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDList;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import io.cloe.worker.bundle.BundleFixture;
import io.cloe.worker.bundle.BundleReader;
import io.cloe.worker.inference.CropSegmentation;
import io.cloe.worker.inference.Crops;
import io.cloe.worker.inference.EngineSettings;
import io.cloe.worker.volume.NormalisedCrop;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The examples in {@code docs/djl.md}: they are below as they stand there, and they run. */
class DocumentedExampleTest {

    private static final Pattern EXAMPLE = Pattern.compile("```java\\n(.*?)```", Pattern.DOTALL);

    @Test
    void shouldSegmentWhenTheFiveLinesRun() throws Exception {
        Path bundle = BundleFixture.tiny();
        NormalisedCrop crop = Crops.random(List.of("T1", "FLAIR"), 12, 20, 30, 21);
        try (ZooModel<NormalisedCrop, CropSegmentation> model = CloeModels.load(bundle, EngineSettings.defaults());
                Predictor<NormalisedCrop, CropSegmentation> predictor = model.newPredictor()) {
            CropSegmentation segmentation = predictor.predict(crop);
            byte[] labels = segmentation.maskLabels(BundleReader.open(bundle));
            assertThat(labels).hasSize(12 * 20 * 30).contains((byte) 0);
        }
    }

    @Test
    void shouldOpenAGraphWhenStockDjlIsUsed() throws Exception {
        Path bundle = BundleFixture.tiny();
        Criteria<NDList, NDList> criteria = Criteria.builder()
                .setTypes(NDList.class, NDList.class)
                .optModelPath(bundle.resolve("graphs"))
                .optModelName("T1")
                .optEngine("OnnxRuntime")
                .build();
        try (ZooModel<NDList, NDList> graph = criteria.loadModel()) {
            assertThat(graph.getName()).isEqualTo("T1");
        }
    }

    @Test
    void shouldStandInTheDocumentationAsTheyRun() throws Exception {
        String source = oneSpace(
                Files.readString(Path.of("src/test/java/io/cloe/worker/inference/djl/DocumentedExampleTest.java")));
        Matcher examples = EXAMPLE.matcher(Files.readString(Path.of("docs/djl.md")));
        int found = 0;
        for (; examples.find(); found++) {
            String example = oneSpace(examples.group(1));
            // The first one's last brace closes a block that holds the test's assertion as well.
            assertThat(source).contains(example.endsWith("; }") ? example.substring(0, example.length() - 2) : example);
        }
        assertThat(found).isEqualTo(2);
    }

    private static String oneSpace(String text) {
        return text.strip().replaceAll("\\s+", " ");
    }
}
