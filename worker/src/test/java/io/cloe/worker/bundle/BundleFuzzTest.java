package io.cloe.worker.bundle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.worker.bundle.BundleException.Kind;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.Test;

class BundleFuzzTest {

    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    /** One value of every JSON type, and numbers at the edges. */
    private static final List<JsonNode> WRONG = List.of(
            NODES.nullNode(),
            NODES.booleanNode(false),
            NODES.numberNode(-1),
            NODES.numberNode(1.5),
            NODES.numberNode(new BigDecimal("1e999")),
            NODES.numberNode(new BigInteger("99999999999999999999")),
            NODES.textNode(""),
            NODES.textNode("../../etc/passwd"),
            NODES.arrayNode(),
            NODES.arrayNode().add(NODES.nullNode()),
            NODES.objectNode(),
            NODES.objectNode().put("x", 1));

    private static Path folder;

    @BeforeContainer
    static void copyOnce() throws IOException {
        folder = BundleFixture.copy(BundleFixture.tiny(), Files.createTempDirectory("bundle-fuzz"));
    }

    @AfterContainer
    static void remove() throws IOException {
        try (var paths = Files.walk(folder)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    @Test
    void shouldRefuseWithATypedErrorWhenAnyKeyIsRemovedOrOfAnotherType() {
        ManifestParser parser = new ManifestParser(BundleFixture.tiny());
        SoftAssertions softly = new SoftAssertions();
        int cases = 0;
        ObjectNode whole = BundleFixture.manifest(BundleFixture.tiny());
        for (List<String> path : paths(whole, List.of())) {
            Throwable without = refusal(parser, replaced(whole, path, null));
            if (!mayBeAbsent(path)) {
                softly.assertThat(without).as("without %s", path).isInstanceOf(BundleException.class);
            }
            for (JsonNode wrong : WRONG) {
                Throwable outcome = refusal(parser, replaced(whole, path, wrong));
                if (!isLegal(path, wrong)) {
                    softly.assertThat(outcome).as("%s = %s", path, wrong).isInstanceOf(BundleException.class);
                }
                cases++;
            }
        }
        softly.assertAll();
        assertThat(cases).isGreaterThan(500);
    }

    @Property(tries = 500)
    void shouldRefuseWhenAnyByteOfAnyFileIsChanged(
            @ForAll @IntRange(max = Integer.MAX_VALUE - 1) int place, @ForAll @IntRange(min = 1, max = 255) int change)
            throws Exception {
        List<String> files = BundleFixture.listedFiles(folder);
        Path file = folder.resolve(files.get(place % files.size()));
        byte[] content = Files.readAllBytes(file);
        int index = (place / files.size()) % content.length;
        byte[] changed = content.clone();
        changed[index] ^= (byte) change;
        Files.write(file, changed);
        try {
            Throwable refusal = catchThrowable(() -> BundleReader.open(folder));
            assertThat(refusal).isInstanceOf(BundleException.class);
            assertThat(((BundleException) refusal).kind()).isEqualTo(Kind.FILE_CHANGED);
        } finally {
            Files.write(file, content);
        }
    }

    @Property(tries = 500)
    void shouldNeverFailUntypedWhenAByteOfTheManifestIsChanged(
            @ForAll @IntRange(max = 1 << 20) int place, @ForAll byte value) throws IOException {
        byte[] manifest = Files.readAllBytes(folder.resolve("manifest.json"));
        manifest[place % manifest.length] = value;

        Throwable refusal = catchThrowable(() -> new ManifestParser(folder).parse(manifest));

        assertThat(refusal == null || refusal instanceof BundleException)
                .as("%s", refusal)
                .isTrue();
    }

    private static Throwable refusal(ManifestParser parser, ObjectNode manifest) {
        return catchThrowable(() -> parser.parse(BundleFixture.JSON.writeValueAsBytes(manifest)));
    }

    /** Members of collections of any size; a file that is no longer listed is refused when the folder is read. */
    private static boolean mayBeAbsent(List<String> path) {
        return path.size() > 1
                && (path.get(0).equals("regions")
                        || path.get(0).equals("files") && path.size() == 2
                        || path.size() == 3 && path.get(1).equals("samples"));
    }

    /** Some replacements happen to be allowed where they stand. */
    private static boolean isLegal(List<String> path, JsonNode value) {
        String key = path.get(path.size() - 1);
        return switch (path.get(0)) {
            case "notForClinicalUse" -> value.isBoolean();
            case "measured" -> true;
            case "training" -> true;
            case "normalisation" -> key.equals("clip") && value.isNumber() && value.asDouble() == 1.5;
            case "spacingMm" -> value.isNumber() && value.asDouble() == 1.5;
            case "golden" ->
                path.contains("consistencyGlobal") || path.contains("consistencyRegional")
                        ? value.isNumber() && value.asDouble() == -1
                        : false;
            default -> false;
        };
    }

    /** Every key and every list element, except inside what is free-form. */
    private static List<List<String>> paths(JsonNode node, List<String> prefix) {
        List<List<String>> paths = new ArrayList<>();
        if (!prefix.isEmpty()) {
            paths.add(prefix);
        }
        if (prefix.equals(List.of("measured")) || prefix.equals(List.of("training"))) {
            return paths;
        }
        if (node.isObject()) {
            for (Map.Entry<String, JsonNode> entry : node.properties()) {
                paths.addAll(paths(entry.getValue(), join(prefix, entry.getKey())));
            }
        }
        // Samples are alike: the first two stand for all.
        for (int i = 0;
                node.isArray() && i < (prefix.contains("samples") ? Math.min(2, node.size()) : node.size());
                i++) {
            paths.addAll(paths(node.get(i), join(prefix, String.valueOf(i))));
        }
        return paths;
    }

    private static List<String> join(List<String> prefix, String last) {
        List<String> path = new ArrayList<>(prefix);
        path.add(last);
        return path;
    }

    private static ObjectNode replaced(ObjectNode manifest, List<String> path, JsonNode value) {
        ObjectNode copy = manifest.deepCopy();
        JsonNode parent = copy;
        for (String step : path.subList(0, path.size() - 1)) {
            parent = parent.isArray() ? parent.get(Integer.parseInt(step)) : parent.get(step);
        }
        String last = path.get(path.size() - 1);
        if (parent instanceof ObjectNode object) {
            if (value == null) {
                object.remove(last);
            } else {
                object.set(last, value);
            }
        } else if (parent instanceof ArrayNode array) {
            if (value == null) {
                array.remove(Integer.parseInt(last));
            } else {
                array.set(Integer.parseInt(last), value);
            }
        }
        return copy;
    }
}
