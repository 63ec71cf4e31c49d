package io.cloe.worker.models;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.worker.models.BundleObjects.Listed;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class BucketLayoutTest {

    @Test
    void shouldTakeAFolderForABundleWhenItHoldsAManifest() {
        assertThat(BucketLayout.folders(objects("a/manifest.json", "a/graphs/T1.onnx", "b/weights.bin", "readme.txt"))
                        .get("a"))
                .containsOnlyKeys("manifest.json", "graphs/T1.onnx");
        assertThat(BucketLayout.folders(objects("a/manifest.json", "b/weights.bin", "readme.txt", "manifest.json")))
                .containsOnlyKeys("a");
        assertThat(BucketLayout.folders(objects("a/deeper/manifest.json"))).isEmpty();
    }

    @Test
    void shouldLeaveOutWhatIsHiddenOrStandsForAFolder() {
        assertThat(BucketLayout.folders(objects(
                        ".trash/manifest.json", "/manifest.json", "a/", "a/manifest.json", "a/graphs/", "a/.DS_Store")))
                .containsOnlyKeys("a")
                .allSatisfy((folder, files) -> assertThat(files).containsOnlyKeys("manifest.json"));
    }

    private static List<Listed> objects(String... names) {
        return Stream.of(names).map(name -> new Listed(name, 1, "1")).toList();
    }
}
