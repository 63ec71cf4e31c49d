package io.cloe.worker.models;

import io.cloe.worker.bundle.BundleException;
import io.cloe.worker.bundle.BundleReader;
import io.cloe.worker.bundle.ModelBundle;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * A folder of bundles, one per subfolder, each with its own manifest. Bundles may come while a worker runs: whoever copies one there
 * moves the finished folder in. Not for several threads.
 */
public final class ModelRepository {

    private final Optional<Path> folder;
    private final Map<Path, ModelBundle> read = new TreeMap<>();
    private final Map<Path, String> refused = new TreeMap<>();

    /** @param folder empty for a worker without a repository */
    public ModelRepository(Optional<Path> folder) {
        this.folder = folder;
    }

    /** Looks for bundles that came since the last time; their manifests and digests are checked once. */
    public void look() {
        for (Path candidate : candidates()) {
            if (!read.containsKey(candidate)) {
                try {
                    read.put(candidate, BundleReader.open(candidate));
                    refused.remove(candidate);
                } catch (BundleException e) {
                    refused.put(candidate, e.kind().name());
                }
            }
        }
    }

    private List<Path> candidates() {
        if (folder.isEmpty()) {
            return List.of();
        }
        try (Stream<Path> entries = Files.list(folder.get())) {
            return entries.filter(entry -> Files.isRegularFile(entry.resolve("manifest.json")))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            return List.of();
        }
    }

    /** All bundles that passed. */
    public List<ModelBundle> bundles() {
        return new ArrayList<>(read.values());
    }

    /** Why folders were refused, by the folder's name. */
    public Map<String, String> refused() {
        Map<String, String> byName = new TreeMap<>();
        refused.forEach((path, why) -> byName.put(path.getFileName().toString(), why));
        return byName;
    }

    /** The bundle with a digest. */
    public Optional<ModelBundle> find(String digest) {
        return bundles().stream()
                .filter(bundle -> bundle.identity().digest().equals(digest))
                .findFirst();
    }
}
