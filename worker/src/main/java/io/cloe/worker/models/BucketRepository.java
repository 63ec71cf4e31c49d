package io.cloe.worker.models;

import io.cloe.worker.bundle.BundleException;
import io.cloe.worker.bundle.BundleFiles;
import io.cloe.worker.bundle.BundleReader;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.bundle.ModelIdentity;
import io.cloe.worker.models.BundleObjects.Listed;
import io.cloe.worker.models.ModelRepository.Absence.State;
import io.cloe.worker.volume.Sha256;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Bundles in an object store. A thread of its own lists them, and fetches the ones that are asked for into a cache, so that a store that
 * is slow or away holds nobody up. What is in the cache needs no store.
 */
final class BucketRepository implements ModelRepository {

    private static final Logger LOG = LoggerFactory.getLogger(BucketRepository.class);
    /** Whoever waits for a bundle looks often; the store is asked less so. */
    private static final Duration REST = Duration.ofSeconds(5);

    private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(5);

    private final BundleObjects objects;
    private final BundleCache cache;
    private final Duration rest;
    private final ExecutorService background = Executors.newSingleThreadExecutor(task -> {
        Thread thread = new Thread(task, "cloe-bundles");
        thread.setDaemon(true);
        return thread;
    });
    private final AtomicBoolean looking = new AtomicBoolean();
    private final Set<String> fetching = ConcurrentHashMap.newKeySet();
    private final Map<String, Absence> failures = new ConcurrentHashMap<>();
    private volatile Map<String, Folder> folders = Map.of();
    private volatile Optional<String> unreadable = Optional.empty();
    private long lookedAt;

    /**
     * A folder as it was listed.
     *
     * @param files by name in the folder
     * @param known the bundle, if its manifest passed and its files seem to be there
     * @param refusal code of why not
     */
    private record Folder(Map<String, Listed> files, Optional<Known> known, Optional<String> refusal) {}

    private record Known(ModelBundle bundle, byte[] manifest) {}

    BucketRepository(BundleObjects objects, BundleCache cache) {
        this(objects, cache, REST);
    }

    /** @param rest least time between two looks at the store */
    BucketRepository(BundleObjects objects, BundleCache cache, Duration rest) {
        this.objects = objects;
        this.cache = cache;
        this.rest = rest;
        this.lookedAt = System.nanoTime() - rest.toNanos();
    }

    @Override
    public void look() {
        if (System.nanoTime() - lookedAt >= rest.toNanos() && looking.compareAndSet(false, true)) {
            lookedAt = System.nanoTime();
            inBackground(this::list);
        }
    }

    private void inBackground(Runnable task) {
        background.execute(() -> {
            try {
                task.run();
            } catch (RuntimeException e) {
                LOG.error("the model repository cannot be followed", e);
            }
        });
    }

    private void list() {
        try {
            Map<String, Folder> found = new TreeMap<>();
            BucketLayout.folders(objects.list()).forEach((name, files) -> {
                Folder former = folders.get(name);
                boolean same = former != null && former.files().equals(files);
                found.put(name, same ? former : read(name, files));
            });
            folders = found;
            failures.values().removeIf(failure -> failure.state() == State.WAITING);
            if (unreadable.isPresent()) {
                LOG.info("the model repository can be read again");
                unreadable = Optional.empty();
            }
        } catch (BundleObjectsException e) {
            if (!unreadable.equals(Optional.of(e.code()))) {
                LOG.warn("the model repository cannot be read; what is at hand goes on: {}", e.getMessage());
            }
            unreadable = Optional.of(e.code());
        } finally {
            looking.set(false);
        }
    }

    private Folder read(String name, Map<String, Listed> files) {
        try {
            ByteArrayOutputStream content = new ByteArrayOutputStream();
            objects.copy(name + "/" + BundleFiles.MANIFEST, BundleReader.MAX_MANIFEST_BYTES + 1L, content);
            byte[] manifest = content.toByteArray();
            ModelBundle bundle = BundleReader.describe(manifest, cache.place(Sha256.of(manifest)));
            BucketLayout.requireComplete(bundle.files(), files);
            failures.remove(bundle.identity().digest()); // the files may have been mended
            return new Folder(files, Optional.of(new Known(bundle, manifest)), Optional.empty());
        } catch (BundleException e) {
            LOG.warn("folder {} of the model repository is refused: {}: {}", name, e.kind(), e.getMessage());
            return new Folder(files, Optional.empty(), Optional.of(e.kind().name()));
        } catch (BundleObjectsException e) {
            return new Folder(Map.of(), Optional.empty(), Optional.of(e.code())); // looked at once more next time
        } catch (IOException e) {
            throw new IllegalStateException("memory can be written to", e);
        }
    }

    @Override
    public void settle() throws InterruptedException {
        try {
            background.submit(() -> {}).get(); // tasks are done one after the other
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public List<ModelBundle> bundles() {
        Map<String, ModelBundle> byDigest = new LinkedHashMap<>();
        cache.bundles().forEach(bundle -> byDigest.put(bundle.identity().digest(), bundle));
        folders.values().forEach(folder -> folder.known()
                .ifPresent(
                        known -> byDigest.putIfAbsent(known.bundle().identity().digest(), known.bundle())));
        return new ArrayList<>(byDigest.values());
    }

    @Override
    public Map<String, String> refused() {
        Map<String, String> refused = new TreeMap<>();
        folders.forEach((name, folder) -> folder.refusal().ifPresent(code -> refused.put(name, code)));
        unreadable.ifPresent(code -> refused.put(ITSELF, code));
        return refused;
    }

    @Override
    public Optional<ModelBundle> find(String digest) {
        Optional<ModelBundle> held = cache.find(digest);
        if (held.isEmpty() && isKnown(digest) && !failures.containsKey(digest) && fetching.add(digest)) {
            inBackground(() -> fetch(digest));
        }
        return held;
    }

    private boolean isKnown(String digest) {
        return folders.values().stream().anyMatch(folder -> holds(folder, digest));
    }

    private static boolean holds(Folder folder, String digest) {
        return folder.known()
                .filter(known -> known.bundle().identity().digest().equals(digest))
                .isPresent();
    }

    private void fetch(String digest) {
        try {
            Optional<Map.Entry<String, Folder>> found = folders.entrySet().stream()
                    .filter(folder -> holds(folder.getValue(), digest))
                    .findFirst();
            if (found.isPresent() && cache.find(digest).isEmpty()) {
                fetch(found.get().getKey(), found.get().getValue().known().orElseThrow());
            }
        } finally {
            fetching.remove(digest);
        }
    }

    private void fetch(String folder, Known known) {
        ModelIdentity model = known.bundle().identity();
        BundleFiles files = known.bundle().files();
        long start = System.nanoTime();
        try {
            if (files.totalBytes() > cache.room()) { // before much is fetched for nothing, again and again
                String why = "the disk of the cache has no room for its " + files.totalBytes() + " bytes";
                fail(model, new Absence(State.WAITING, why));
                return;
            }
            cache.put(model.digest(), known.manifest(), target -> copy(folder, files, target));
            LOG.info(
                    "model {} {} {} is fetched in {} ms",
                    model.family(),
                    model.id(),
                    model.version(),
                    TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start));
        } catch (BundleException e) {
            fail(model, new Absence(State.REFUSED, e.kind() + ": " + e.getMessage()));
        } catch (BundleObjectsException e) {
            fail(model, new Absence(State.WAITING, "its files cannot be fetched: " + e.getMessage()));
        } catch (IOException e) { // its message may quote a path
            String why = e.getClass().getSimpleName();
            fail(model, new Absence(State.WAITING, "its files cannot be written to the cache: " + why));
        }
    }

    private void fail(ModelIdentity model, Absence failure) {
        failures.put(model.digest(), failure);
        LOG.warn("model {} {} {} is not at hand: {}", model.family(), model.id(), model.version(), failure.why());
    }

    private void copy(String folder, BundleFiles files, Path target) throws BundleObjectsException, IOException {
        for (Map.Entry<String, BundleFiles.Listed> file : files.listed().entrySet()) {
            Path path = target.resolve(file.getKey());
            Files.createDirectories(path.getParent());
            try (OutputStream out = Files.newOutputStream(path)) {
                // One byte more than expected shows a longer object, and does not fill the disk.
                objects.copy(folder + "/" + file.getKey(), file.getValue().bytes() + 1, out);
            }
        }
    }

    @Override
    public Optional<Absence> absence(String digest) {
        if (cache.find(digest).isPresent()) {
            return Optional.empty();
        }
        Optional<Absence> failure = Optional.ofNullable(failures.get(digest));
        return fetching.contains(digest) && failure.isEmpty()
                ? Optional.of(new Absence(State.FETCHING, "its files are being fetched"))
                : failure;
    }

    @Override
    public void keep(Set<String> digests) {
        cache.keep(digests);
    }

    @Override
    public void close() {
        background.shutdownNow();
        try {
            if (!background.awaitTermination(CLOSE_PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
                LOG.warn("a bundle is still being fetched");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        cache.close();
    }
}
