package io.cloe.worker.bundle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.worker.bundle.BundleException.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class BundleReaderTest {

    @TempDir
    Path folder;

    @Test
    void shouldReadEveryKeyWhenTheBundleIsWhole() throws Exception {
        ModelBundle bundle = BundleReader.open(BundleFixture.tiny());

        String digest = HexFormat.of()
                .formatHex(BundleFiles.sha256()
                        .digest(Files.readAllBytes(BundleFixture.tiny().resolve("manifest.json"))));
        assertThat(bundle.identity()).isEqualTo(new ModelIdentity("test-family", "tiny", "1.0.0", digest));
        assertThat(bundle.notForClinicalUse()).isTrue();
        assertThat(bundle.modalities()).containsExactly("T1", "T2", "FLAIR");
        assertThat(bundle.orientation()).isEqualTo("LPS");
        assertThat(bundle.window()).isEqualTo(new WindowShape(8, 16, 24));
        assertThat(bundle.overlap()).isEqualTo(0.5);
        assertThat(bundle.spacing()).isEqualTo(new SpacingRange(0.9, 2.6));
        assertThat(bundle.clip()).isEqualTo(5f);
        assertThat(bundle.classes())
                .containsExactly(
                        new ClassLabel(0, "BACKGROUND", 0), new ClassLabel(1, "CORE", 1), new ClassLabel(2, "RIM", 4));
        assertThat(bundle.labels()).containsExactly(0, 1, 4);
        assertThat(bundle.labelScheme()).isEqualTo("test-labels");
        assertThat(bundle.regions())
                .containsExactly(Map.entry("WHOLE", List.of("CORE", "RIM")), Map.entry("CORE", List.of("CORE")));
        assertThat(bundle.graphs()).hasSize(7);
        assertThat(bundle.golden().samples()).hasSize(12);
    }

    @Test
    void shouldFindTheGraphWhenTheSubsetComesInAnyOrder() {
        ModelBundle bundle = BundleFixture.openTiny();

        assertThat(bundle.graph(List.of("FLAIR", "T1")))
                .contains(new SubsetGraph(
                        List.of("T1", "FLAIR"),
                        "graphs/T1+FLAIR.onnx",
                        Gate.FIXED,
                        List.of(0.5, 0.5),
                        GraphUse.WINDOW,
                        bundle.window(),
                        0));
        assertThat(bundle.graph(List.of("T1", "T2", "FLAIR")).orElseThrow().gate())
                .isEqualTo(Gate.COMPUTED);
        assertThat(bundle.graph(List.of())).isEmpty();
        assertThat(bundle.graph(List.of("T1", "ADC"))).isEmpty();
    }

    @Test
    void shouldReadAModelThatWeighsNoModalitiesWhenAllItsGraphsSaySo() {
        ModelBundle bundle = BundleFixture.withoutGate(folder);

        assertThat(bundle.graphs()).allMatch(graph -> graph.gate() == Gate.NONE);
        assertThat(bundle.golden().weights()).isEmpty();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("damagedManifests")
    void shouldRefuseAndNameTheKeyWhenTheManifestBreaksTheContract(String key, Kind kind, Consumer<ObjectNode> damage) {
        BundleFixture.copy(BundleFixture.tiny(), folder);
        BundleFixture.editManifest(folder, damage);

        BundleException refusal = refusal();

        assertThat(refusal.kind()).isEqualTo(kind);
        assertThat(refusal).hasMessageStartingWith(key).hasMessageNotContaining(folder.toString());
    }

    static Stream<Arguments> damagedManifests() {
        return Stream.of(
                damage("formatVersion", Kind.FORMAT_VERSION, m -> m.put("formatVersion", 2)),
                damage("extra", Kind.KEY_UNKNOWN, m -> m.put("extra", 1)),
                damage("golden.extra", Kind.KEY_UNKNOWN, m -> at(m, "golden").put("extra", 1)),
                damage("family", Kind.VALUE_INVALID, m -> m.put("family", "a/b")),
                damage(
                        "window[1]",
                        Kind.VALUE_INVALID,
                        m -> m.putArray("window").add(8).add(20).add(24)),
                damage("window", Kind.VALUE_INVALID, m -> m.putArray("window")
                        .add(8)
                        .add(16)),
                damage(
                        "window[0]",
                        Kind.VALUE_INVALID,
                        m -> m.putArray("window").add(0).add(8).add(8)),
                damage("overlap", Kind.VALUE_INVALID, m -> m.put("overlap", 1.0)),
                damage("overlap", Kind.VALUE_INVALID, m -> m.put("overlap", 0.9)),
                damage("overlap", Kind.VALUE_INVALID, m -> m.put("overlap", -0.1)),
                damage("orientation", Kind.VALUE_INVALID, m -> m.put("orientation", "LRS")),
                damage("spacingMm", Kind.VALUE_INVALID, m -> at(m, "spacingMm").put("min", 9.0)),
                damage("normalisation.method", Kind.VALUE_INVALID, m -> at(m, "normalisation")
                        .put("method", "minmax")),
                damage(
                        "modalities",
                        Kind.VALUE_INVALID,
                        m -> m.putArray("modalities").add("T1").add("T1").add("T2")),
                damage("classes[2].index", Kind.VALUE_INVALID, m -> element(m, "classes", 2)
                        .put("index", 1)),
                damage("classes[2].label", Kind.VALUE_INVALID, m -> element(m, "classes", 2)
                        .put("label", 1)),
                damage("classes[2].label", Kind.VALUE_INVALID, m -> element(m, "classes", 2)
                        .put("label", 256)),
                damage("classes[2].name", Kind.VALUE_INVALID, m -> element(m, "classes", 2)
                        .put("name", "CORE")),
                damage("classes[0].label", Kind.VALUE_INVALID, m -> element(m, "classes", 0)
                        .put("label", 9)),
                damage("regions.WHOLE", Kind.VALUE_INVALID, m -> at(m, "regions")
                        .putArray("WHOLE")
                        .add("NCR")),
                damage("regions.WHOLE", Kind.VALUE_INVALID, m -> at(m, "regions")
                        .putArray("WHOLE")
                        .add("BACKGROUND")),
                damage("regions", Kind.VALUE_INVALID, m -> m.putObject("regions")),
                damage("graphs", Kind.VALUE_INVALID, m -> ((ArrayNode) m.get("graphs")).remove(3)),
                damage("graphs[1].modalities", Kind.VALUE_INVALID, m -> element(m, "graphs", 1)
                        .putArray("modalities")
                        .add("T1")),
                damage("graphs[3].modalities", Kind.VALUE_INVALID, m -> element(m, "graphs", 3)
                        .putArray("modalities")
                        .add("T2")
                        .add("T1")),
                damage("graphs[1].file", Kind.VALUE_INVALID, m -> element(m, "graphs", 1)
                        .put("file", "graphs/T1.onnx")),
                damage("graphs[1].file", Kind.VALUE_INVALID, m -> element(m, "graphs", 1)
                        .put("file", "../T1.onnx")),
                damage("graphs[0].gate", Kind.VALUE_INVALID, m -> element(m, "graphs", 0)
                        .put("gate", "computed")),
                damage("graphs[6].gate", Kind.VALUE_INVALID, m -> element(m, "graphs", 6)
                        .put("gate", "fixed")),
                damage("graphs: a model has weights for every subset", Kind.VALUE_INVALID, m -> element(m, "graphs", 6)
                        .put("gate", "none")),
                damage("golden.modalities", Kind.VALUE_INVALID, m -> at(m, "golden")
                        .putArray("modalities")
                        .add("T1")),
                damage("golden.samples", Kind.VALUE_INVALID, m -> at(m, "golden")
                        .putArray("samples")),
                damage("golden.weights", Kind.VALUE_INVALID, m -> at(m, "golden")
                        .putArray("weights")
                        .add(1)),
                damage("golden.tolerance", Kind.VALUE_INVALID, m -> at(m, "golden")
                        .put("tolerance", 5)),
                damage("golden.samples[0].z", Kind.VALUE_INVALID, m -> ((ObjectNode)
                                at(m, "golden").get("samples").get(0))
                        .put("z", 8)),
                damage("files.graphs/weights.bin.sha256", Kind.VALUE_INVALID, m -> ((ObjectNode)
                                at(m, "files").get("graphs/weights.bin"))
                        .put("sha256", "AB")),
                damage("files: '../x'", Kind.FILE_OUTSIDE, m -> at(m, "files").set("../x", listed())),
                damage("files: 'graphs/../../x'", Kind.FILE_OUTSIDE, m -> at(m, "files")
                        .set("graphs/../../x", listed())),
                damage("files: '/etc/passwd'", Kind.FILE_OUTSIDE, m -> at(m, "files")
                        .set("/etc/passwd", listed())),
                damage("files: 'C:\\x'", Kind.FILE_OUTSIDE, m -> at(m, "files").set("C:\\x", listed())),
                damage("files: 'gone.bin'", Kind.FILE_MISSING, m -> at(m, "files")
                        .set("gone.bin", listed())),
                damage("files: 'graphs/weights.bin'", Kind.FILE_CHANGED, m -> ((ObjectNode)
                                at(m, "files").get("graphs/weights.bin"))
                        .put("bytes", 1)),
                damage("files: 'README.md'", Kind.FILE_UNLISTED, m -> at(m, "files")
                        .remove("README.md")));
    }

    @ParameterizedTest(name = "case {index}: {1}")
    @MethodSource("unreadableManifests")
    void shouldRefuseWhenTheManifestIsNotAJsonObject(String text, Kind kind) throws IOException {
        BundleFixture.copy(BundleFixture.tiny(), folder);
        Files.writeString(folder.resolve("manifest.json"), text);

        assertThat(refusal().kind()).isEqualTo(kind);
    }

    static Stream<Arguments> unreadableManifests() {
        return Stream.of(
                Arguments.of("", Kind.VALUE_INVALID),
                Arguments.of("{", Kind.MANIFEST_UNREADABLE),
                Arguments.of("{} {}", Kind.MANIFEST_UNREADABLE),
                Arguments.of("{\"formatVersion\":1,\"formatVersion\":1}", Kind.MANIFEST_UNREADABLE),
                Arguments.of("{\"formatVersion\":NaN}", Kind.MANIFEST_UNREADABLE),
                Arguments.of("[".repeat(100_000), Kind.MANIFEST_UNREADABLE),
                Arguments.of("[]", Kind.VALUE_INVALID),
                Arguments.of("null", Kind.VALUE_INVALID),
                Arguments.of("{}", Kind.KEY_MISSING),
                Arguments.of("{\"formatVersion\":\"1\"}", Kind.VALUE_INVALID));
    }

    @Test
    void shouldRefuseWhenThereIsNoManifestOrNoFolder() throws IOException {
        assertThat(refusal().kind()).isEqualTo(Kind.MANIFEST_MISSING);
        Files.delete(folder);
        assertThat(refusal().kind()).isEqualTo(Kind.MANIFEST_MISSING);
    }

    @Test
    void shouldRefuseWhenALinkLeavesTheBundle(@TempDir Path outside) throws IOException {
        BundleFixture.copy(BundleFixture.tiny(), folder);
        Path weights = folder.resolve("graphs/weights.bin");
        Files.move(weights, outside.resolve("weights.bin"));
        Files.createSymbolicLink(weights, outside.resolve("weights.bin"));

        BundleException refusal = refusal();

        assertThat(refusal.kind()).isEqualTo(Kind.FILE_OUTSIDE);
        assertThat(refusal).hasMessageContaining("weights.bin").hasMessageNotContaining(outside.toString());
    }

    @Test
    void shouldAcceptALinkWhenItStaysInTheBundle() throws Exception {
        BundleFixture.copy(BundleFixture.tiny(), folder);
        Files.move(folder.resolve("graphs/weights.bin"), folder.resolve(".weights"));
        Files.createSymbolicLink(folder.resolve("graphs/weights.bin"), Path.of("..", ".weights"));

        assertThat(BundleReader.open(folder).files().read("graphs/weights.bin")).hasSize(1356);
    }

    @Test
    void shouldRefuseWhenTheManifestIsALinkThatLeavesTheBundle(@TempDir Path outside) throws IOException {
        BundleFixture.copy(BundleFixture.tiny(), folder);
        Files.move(folder.resolve("manifest.json"), outside.resolve("manifest.json"));
        Files.createSymbolicLink(folder.resolve("manifest.json"), outside.resolve("manifest.json"));

        assertThat(refusal().kind()).isEqualTo(Kind.FILE_OUTSIDE);
    }

    @Test
    void shouldRefuseTheFileWhenItIsExchangedAfterOpening() throws Exception {
        BundleFixture.copy(BundleFixture.tiny(), folder);
        ModelBundle bundle = BundleReader.open(folder);
        byte[] graph = Files.readAllBytes(folder.resolve("graphs/T1.onnx"));
        graph[graph.length / 2] ^= 1;
        Files.write(folder.resolve("graphs/T1.onnx"), graph);

        BundleException refusal =
                catchThrowableOfType(BundleException.class, () -> bundle.files().read("graphs/T1.onnx"));

        assertThat(refusal.kind()).isEqualTo(Kind.FILE_CHANGED);
    }

    private BundleException refusal() {
        return catchThrowableOfType(BundleException.class, () -> BundleReader.open(folder));
    }

    private static Arguments damage(String key, Kind kind, Consumer<ObjectNode> damage) {
        return Arguments.of(key, kind, damage);
    }

    private static ObjectNode at(ObjectNode manifest, String key) {
        return (ObjectNode) manifest.get(key);
    }

    private static ObjectNode element(ObjectNode manifest, String key, int index) {
        return (ObjectNode) manifest.get(key).get(index);
    }

    private static ObjectNode listed() {
        return BundleFixture.JSON
                .createObjectNode()
                .put("sha256", "0".repeat(64))
                .put("bytes", 1);
    }
}
