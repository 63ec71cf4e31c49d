package io.cloe.worker.models;

import io.cloe.worker.bundle.BundleException;
import io.cloe.worker.bundle.BundleReader;
import io.cloe.worker.bundle.ModelBundle;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * A folder of bundles, one per subfolder, each with its own manifest. Bundles may come and go while a worker runs: whoever copies one
 * there moves the finished folder in. Not for several threads.
 */
public final class ModelRepository {

    private final Optional<Path> folder;
    private final Map<Path, ModelBundle> read = new TreeMap<>();
    private final Map<Path, Refusal> refused = new TreeMap<>();

    /** Why a folder was refused, and what was in it then. */
    private record Refusal(String why, List<String> contents) {}

    /** @param folder empty for a worker without a repository */
    public ModelRepository(Optional<Path> folder) {
        this.folder = folder;
    }

    /** Looks for bundles that came, changed or went since the last time. The digests of a folder are computed once, and again if it was refused and has changed. */
    public void look() {
        List<Path> candidates = candidates();
        read.keySet().retainAll(candidates);
        refused.keySet().retainAll(candidates);
        for (Path candidate : candidates) {
            if (!read.containsKey(candidate)) {
                check(candidate);
            }
        }
    }

    private void check(Path candidate) {
        List<String> contents = contents(candidate);
        Refusal former = refused.get(candidate);
        if (former != null && former.contents().equals(contents)) {
            return;
        }
        try {
            read.put(candidate, BundleReader.open(candidate));
            refused.remove(candidate);
        } catch (BundleException e) {
            refused.put(candidate, new Refusal(e.kind().name(), contents));
        }
    }

    /** Every file with its size and time: a bundle that was still being copied when it was refused is looked at once more. */
    private static List<String> contents(Path candidate) {
        try (Stream<Path> files = Files.walk(candidate)) {
            List<String> contents = new ArrayList<>();
            for (Path file : files.sorted().toList()) {
                contents.add(file + " " + Files.size(file) + " " + Files.getLastModifiedTime(file));
            }
            return contents;
        } catch (IOException | UncheckedIOException e) {
            return List.of();
        }
    }

    private List<Path> candidates() {
        if (folder.isEmpty()) {
            return List.of();
        }
        try (Stream<Path> entries = Files.list(folder.get())) {
            return entries.filter(entry -> Files.isRegularFile(entry.resolve("manifest.json")))
                    .filter(entry -> !entry.getFileName().toString().startsWith("."))
                    .sorted()
                    .toList();
        } catch (IOException | UncheckedIOException e) {
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
        refused.forEach((path, refusal) -> byName.put(path.getFileName().toString(), refusal.why()));
        return byName;
    }

    /** The bundle with a digest. */
    public Optional<ModelBundle> find(String digest) {
        return bundles().stream()
                .filter(bundle -> bundle.identity().digest().equals(digest))
                .findFirst();
    }
}
