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
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

/** Bundles in the subfolders of a folder, served from there. */
final class FolderRepository implements ModelRepository {

    private final Optional<Path> folder;
    private final Map<Path, ModelBundle> read = new TreeMap<>();
    private final Map<Path, Refusal> refused = new TreeMap<>();

    /** Why a folder was refused, and what was in it then. */
    private record Refusal(String why, List<String> contents) {}

    /** @param folder empty for a worker without a repository */
    FolderRepository(Optional<Path> folder) {
        this.folder = folder;
    }

    /** The digests of a folder are computed once, and again if it was refused and has changed. */
    @Override
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

    @Override
    public void settle() {
        // All is done at once.
    }

    @Override
    public List<ModelBundle> bundles() {
        return new ArrayList<>(read.values());
    }

    @Override
    public Map<String, String> refused() {
        Map<String, String> byName = new TreeMap<>();
        refused.forEach((path, refusal) -> byName.put(path.getFileName().toString(), refusal.why()));
        return byName;
    }

    @Override
    public Optional<ModelBundle> find(String digest) {
        return bundles().stream()
                .filter(bundle -> bundle.identity().digest().equals(digest))
                .findFirst();
    }

    @Override
    public Optional<Absence> absence(String digest) {
        return Optional.empty();
    }

    @Override
    public void keep(Set<String> digests) {
        // The files are their owner's.
    }

    @Override
    public void close() {
        // Nothing is open.
    }
}
