package io.cloe.worker.bundle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExtraGraphsTest {

    @TempDir
    private Path folder;

    @Test
    void shouldHaveNoneWhenTheManifestDoesNotMentionThem() {
        assertThat(BundleFixture.openTiny().extraGraphs()).isEmpty();
        assertThat(BundleFixture.openTiny().hasGraphsFor(GraphUse.WHOLE_CROP)).isFalse();
    }

    @Test
    void shouldFindThemByUseAndModalities() {
        ModelBundle bundle = BundleFixture.openTinyExtra();

        assertThat(bundle.extraGraphs()).hasSize(24);
        assertThat(bundle.graphs()).hasSize(7).allMatch(graph -> graph.use() == GraphUse.WINDOW);
        assertThat(bundle.extraGraphs(GraphUse.WHOLE_CROP, List.of("T1")))
                .hasSize(2)
                .last()
                .satisfies(graph -> {
                    assertThat(graph.window()).isEqualTo(new WindowShape(16, 32, 48));
                    assertThat(graph.gate()).isEqualTo(Gate.FIXED);
                    assertThat(graph.suits(16, 32, 48)).isTrue();
                    assertThat(graph.suits(16, 33, 48)).isFalse();
                });
        assertThat(bundle.extraGraphs(GraphUse.CONSISTENCY, List.of("T1", "FLAIR")))
                .singleElement()
                .satisfies(graph -> assertThat(graph.gate()).isEqualTo(Gate.COMPUTED));
        assertThat(bundle.extraGraphs(GraphUse.CONSISTENCY, List.of("T1"))).isEmpty();
    }

    @Test
    void shouldKnowUnequalWeightsOfTwoWhenTheManifestStatesThem() throws Exception {
        Path copy = BundleFixture.copy(BundleFixture.tinyExtra(), folder.resolve("biased"));
        BundleFixture.editManifest(
                copy, manifest -> pair(manifest).putArray("weights").add(0.75).add(0.25));

        ModelBundle bundle = BundleReader.open(copy);

        List<String> pair = List.of("T1", "T2");
        assertThat(bundle.graph(pair).orElseThrow().fixedWeights()).containsExactly(0.75, 0.25);
        assertThat(bundle.extraGraphs(GraphUse.CONSISTENCY, pair).get(0).fixedWeights())
                .containsExactly(0.75, 0.25);
        assertThat(bundle.graph(List.of("T1", "FLAIR")).orElseThrow().fixedWeights())
                .containsExactly(0.5, 0.5);
        assertThat(bundle.graph(bundle.modalities()).orElseThrow().fixedWeights())
                .isEmpty();
    }

    @Test
    void shouldRefuseWeightsThatDoNotSumToOneOrBelongToAComputingGate() {
        Path sum = BundleFixture.copy(BundleFixture.tinyExtra(), folder.resolve("sum"));
        BundleFixture.editManifest(
                sum, manifest -> pair(manifest).putArray("weights").add(0.75).add(0.75));
        Path computing = BundleFixture.copy(BundleFixture.tinyExtra(), folder.resolve("computing"));
        BundleFixture.editManifest(
                computing, manifest -> ((ObjectNode) manifest.get("graphs").get(6))
                        .putArray("weights")
                        .add(1)
                        .add(0)
                        .add(0));

        assertThat(catchThrowableOfType(BundleException.class, () -> BundleReader.open(sum)))
                .hasMessageContaining("weights:");
        assertThat(catchThrowableOfType(BundleException.class, () -> BundleReader.open(computing)))
                .hasMessageStartingWith("graphs[6].weights:");
    }

    private static ObjectNode pair(ObjectNode manifest) {
        for (JsonNode graph : manifest.get("graphs")) {
            if (graph.get("file").asText().equals("graphs/T1+T2.onnx")) {
                return (ObjectNode) graph;
            }
        }
        throw new IllegalStateException("no such graph");
    }

    @Test
    void shouldNameTheKeyWhenAnExtraGraphIsNotWhatItsUseAsks() {
        assertRefused(graph -> graph.put("use", "window"), "extraGraphs[0].use");
        assertRefused(graph -> graph.put("use", "consistency"), "extraGraphs[0].modalities");
        assertRefused(graph -> graph.put("gate", "computed"), "extraGraphs[0].gate");
        assertRefused(graph -> graph.put("activationMib", -1), "extraGraphs[0].activationMib");
        assertRefused(graph -> graph.put("file", "graphs/T1.onnx"), "extraGraphs[0].file");
        assertRefused(graph -> graph.put("file", "graphs/none.onnx"), "extraGraphs[0].file");
        assertRefused(graph -> ((ArrayNode) graph.get("window")).set(0, 12), "extraGraphs[0].window[0]");
        assertRefused(graph -> graph.put("more", 1), "extraGraphs[0].more");
        assertRefused(
                graph -> {
                    graph.put("use", "small-window");
                    ((ArrayNode) graph.get("window")).set(0, 16);
                },
                "extraGraphs[0].window");
    }

    private void assertRefused(Consumer<ObjectNode> change, String key) {
        Path copy = BundleFixture.copy(BundleFixture.tinyExtra(), folder.resolve("copy-" + System.nanoTime()));
        BundleFixture.editManifest(
                copy,
                manifest ->
                        change.accept((ObjectNode) manifest.get("extraGraphs").get(0)));

        assertThat(catchThrowableOfType(BundleException.class, () -> BundleReader.open(copy)))
                .hasMessageStartingWith(key + ":");
    }
}
