package io.cloe.it.tools;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** Makes bundles of bundles. */
public final class Bundles {

    private static final double DIFFERING_CLIP = 1.5;
    private static final int DIFFERING_LABEL = 3;
    private static final ObjectMapper JSON = new ObjectMapper();

    private Bundles() {}

    /**
     * What a bundle is called.
     *
     * @param family model family
     * @param id model id
     * @param version model version
     */
    public record Name(String family, String id, String version) {

        /** As commands take it. */
        public String[] arguments(String... before) {
            return Stream.concat(Stream.of(before), Stream.of(family, id, version))
                    .toArray(String[]::new);
        }
    }

    /** The name of a bundle. */
    public static Name name(Path bundle) throws IOException {
        ObjectNode manifest = manifest(bundle);
        return new Name(
                manifest.get("family").asText(),
                manifest.get("id").asText(),
                manifest.get("version").asText());
    }

    /** The same network under another version: another digest, so another model to everybody. */
    public static Name another(Path bundle, Path target, String version) throws IOException {
        return changed(bundle, target, manifest -> manifest.put("version", version));
    }

    /** A model that fits the tiny one and makes other masks: it cuts intensities off earlier and writes another label. */
    public static Name differing(Path target, String version) throws IOException {
        return changed(Repository.tinyBundle(), target, manifest -> {
            manifest.put("version", version);
            manifest.withObject("/normalisation").put("clip", DIFFERING_CLIP);
            ((ObjectNode) manifest.withArray("/classes").get(2)).put("label", DIFFERING_LABEL);
        });
    }

    /** A copy with another manifest. It appears in its place at once, as whoever copies one into a repository should see to. */
    public static Name changed(Path bundle, Path target, Consumer<ObjectNode> change) throws IOException {
        Path unfinished = Files.createTempDirectory(target.toAbsolutePath().getParent(), ".unfinished-");
        try (Stream<Path> files = Files.walk(bundle)) {
            for (Path file : files.filter(one -> !one.equals(bundle)).toList()) {
                Files.copy(file, unfinished.resolve(bundle.relativize(file).toString()));
            }
        }
        ObjectNode manifest = manifest(bundle);
        change.accept(manifest);
        JSON.writeValue(unfinished.resolve("manifest.json").toFile(), manifest);
        Files.move(unfinished, target);
        return name(target);
    }

    private static ObjectNode manifest(Path bundle) throws IOException {
        return (ObjectNode) JSON.readTree(bundle.resolve("manifest.json").toFile());
    }
}
