package io.cloe.worker.bundle;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** The committed tiny bundle, and copies of it that a test may damage. */
public final class BundleFixture {

    public static final ObjectMapper JSON = new ObjectMapper();

    private BundleFixture() {}

    /** The tiny bundle; not to be changed. */
    public static Path tiny() {
        return folder("tiny");
    }

    /** The tiny bundle with graphs for whole crops, small windows and the consistency of pairs; not to be changed. */
    public static Path tinyExtra() {
        return folder("tiny-extra");
    }

    private static Path folder(String name) {
        try {
            return Path.of(BundleFixture.class.getResource("/bundles/" + name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    public static ModelBundle openTiny() {
        return open(tiny());
    }

    public static ModelBundle openTinyExtra() {
        return open(tinyExtra());
    }

    private static ModelBundle open(Path bundle) {
        try {
            return BundleReader.open(bundle);
        } catch (BundleException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The tiny bundle in an empty folder, as a model that weighs no modalities would be exported. */
    public static ModelBundle withoutGate(Path folder) {
        copy(tiny(), folder);
        try (InputStream graph = BundleFixture.class.getResourceAsStream("/bundles/without-gate.onnx")) {
            replaceListed(folder, "graphs/T1+T2+FLAIR.onnx", graph.readAllBytes());
            editManifest(folder, manifest -> {
                manifest.get("graphs").forEach(entry -> ((ObjectNode) entry).put("gate", "none"));
                ObjectNode golden = (ObjectNode) manifest.get("golden");
                List.of("weights", "consistencyGlobal", "consistencyRegional").forEach(golden::putArray);
            });
            return BundleReader.open(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (BundleException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A copy of a bundle in an empty folder of the test's own. */
    public static Path copy(Path bundle, Path folder) {
        try (Stream<Path> paths = Files.walk(bundle)) {
            for (Path path : (Iterable<Path>) paths::iterator) {
                Path target = folder.resolve(bundle.relativize(path).toString());
                if (Files.isDirectory(path)) {
                    Files.createDirectories(target);
                } else {
                    Files.copy(path, target);
                }
            }
            return folder;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static ObjectNode manifest(Path bundle) {
        try {
            return (ObjectNode) JSON.readTree(bundle.resolve("manifest.json").toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static void write(Path bundle, ObjectNode manifest) {
        try {
            Files.write(bundle.resolve("manifest.json"), JSON.writeValueAsBytes(manifest));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static void editManifest(Path bundle, Consumer<ObjectNode> edit) {
        ObjectNode manifest = manifest(bundle);
        edit.accept(manifest);
        write(bundle, manifest);
    }

    /** Replaces a file and lists it with its true size and digest, as an exporter of other content would. */
    public static void replaceListed(Path bundle, String name, byte[] content) {
        try {
            Files.createDirectories(bundle.resolve(name).getParent());
            Files.write(bundle.resolve(name), content);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        editManifest(bundle, manifest -> {
            ObjectNode file = ((ObjectNode) manifest.get("files")).putObject(name);
            file.put("sha256", HexFormat.of().formatHex(BundleFiles.sha256().digest(content)));
            file.put("bytes", content.length);
        });
    }

    public static List<String> listedFiles(Path bundle) {
        return manifest(bundle).get("files").properties().stream()
                .map(Map.Entry::getKey)
                .toList();
    }
}
