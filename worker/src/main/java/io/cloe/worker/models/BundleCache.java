package io.cloe.worker.models;

import io.cloe.worker.bundle.BundleException;
import io.cloe.worker.bundle.BundleFiles;
import io.cloe.worker.bundle.BundleReader;
import io.cloe.worker.bundle.ModelBundle;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.apache.commons.io.FileUtils;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Copies of bundles in a folder of one worker's own, each in a subfolder named by its digest. A copy appears there whole, when all its
 * files have been checked, and is checked once more when a worker starts. For any number of threads, but only one
 * takes copies in.
 */
final class BundleCache implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(BundleCache.class);
    private static final String LOCK = ".lock";
    private static final String UNFINISHED = ".unfinished-";

    private final Path folder;
    private final FileChannel lock;
    private final Map<String, ModelBundle> held = new ConcurrentHashMap<>();

    private BundleCache(Path folder, FileChannel lock) {
        this.folder = folder;
        this.lock = lock;
    }

    /** Writes a bundle's files. */
    interface Source {

        /** @param folder empty */
        void write(Path folder) throws BundleObjectsException, IOException;
    }

    /**
     * Opens a cache, made if it is not there. What is damaged in it, or was not finished, is deleted.
     *
     * @throws IOException if it cannot be written to, or another worker uses it
     */
    static BundleCache open(Path folder) throws IOException {
        Files.createDirectories(folder);
        Path real = folder.toRealPath();
        FileChannel lock = FileChannel.open(real.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try {
            requireAlone(lock);
            BundleCache cache = new BundleCache(real, lock);
            cache.recover();
            return cache;
        } catch (IOException e) {
            lock.close();
            throw e;
        }
    }

    /** The lock lasts until the channel is closed, or the process ends. */
    private static void requireAlone(FileChannel channel) throws IOException {
        FileLock locked;
        try {
            locked = channel.tryLock();
        } catch (OverlappingFileLockException e) {
            locked = null; // by another worker of this process
        }
        if (locked == null) {
            throw new IOException("another worker uses it");
        }
    }

    private void recover() throws IOException {
        List<Path> found;
        try (Stream<Path> entries = Files.list(folder)) {
            found = entries.filter(Files::isDirectory).toList();
        }
        for (Path entry : found) {
            String name = entry.getFileName().toString();
            if (name.startsWith(UNFINISHED)) {
                FileUtils.deleteDirectory(entry.toFile());
            } else if (!name.startsWith(".")) {
                check(entry, name);
            }
        }
    }

    private void check(Path entry, String digest) throws IOException {
        try {
            ModelBundle bundle = BundleReader.open(entry);
            if (bundle.identity().digest().equals(digest)) {
                held.put(digest, bundle);
                return;
            }
            LOG.warn("a kept model bundle has another digest than its name; it is deleted");
        } catch (BundleException e) {
            LOG.warn("a kept model bundle is damaged, and deleted: {}: {}", e.kind(), e.getMessage());
        }
        FileUtils.deleteDirectory(entry.toFile());
    }

    /** Where a bundle's copy lies, or will lie. */
    Path place(String digest) {
        return folder.resolve(digest);
    }

    /** A bundle that is here. */
    Optional<ModelBundle> find(String digest) {
        return Optional.ofNullable(held.get(digest));
    }

    /** All bundles that are here. */
    List<ModelBundle> bundles() {
        return List.copyOf(held.values());
    }

    /** What the disk has left, in bytes. */
    long room() throws IOException {
        return Files.getFileStore(folder).getUsableSpace();
    }

    /**
     * Takes a copy in.
     *
     * @param manifest as its digest says
     * @throws BundleException if the files are not what the manifest says
     */
    void put(String digest, byte[] manifest, Source source)
            throws BundleException, BundleObjectsException, IOException {
        Path unfinished = Files.createTempDirectory(folder, UNFINISHED);
        try {
            source.write(unfinished);
            Files.write(unfinished.resolve(BundleFiles.MANIFEST), manifest);
            BundleReader.open(unfinished);
            Path target = place(digest);
            FileUtils.deleteDirectory(target.toFile()); // what a deletion that failed may have left
            Files.move(unfinished, target, StandardCopyOption.ATOMIC_MOVE);
            held.put(digest, BundleReader.describe(manifest, target));
        } finally {
            FileUtils.deleteDirectory(unfinished.toFile());
        }
    }

    /** Deletes all copies but some. */
    void keep(Set<String> digests) {
        for (String digest : List.copyOf(held.keySet())) {
            if (!digests.contains(digest)) {
                held.remove(digest);
                delete(digest);
            }
        }
    }

    private void delete(String digest) {
        try {
            FileUtils.deleteDirectory(place(digest).toFile());
        } catch (IOException e) {
            LOG.warn(
                    "a model bundle that is not needed cannot be deleted: {}",
                    e.getClass().getSimpleName());
        }
    }

    @Override
    public void close() {
        try {
            lock.close();
        } catch (IOException e) {
            LOG.warn(
                    "the folder of model bundles cannot be given free: {}",
                    e.getClass().getSimpleName());
        }
    }
}
