package io.cloe.worker.masks;

import io.cloe.worker.volume.MaskFile;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemNotFoundException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Masks in a folder. A mask appears under its name whole or not at all: it is written beside its place, forced to disk, and
 * then given its name in one step that fails if the name is taken.
 */
public final class FileMaskStore implements MaskStore, MaskInventory {

    private static final Logger LOG = LoggerFactory.getLogger(FileMaskStore.class);

    private static final String WRITING = ".writing-";
    private static final String PROBE = ".probe-";
    private static final String SWEEPING = ".sweeping-";

    /** What {@link MaskName} makes, with the digest of the mask or, of older versions, without it. */
    private static final Pattern MASK = Pattern.compile("[^/]+/r[0-9]+(?:-[0-9a-f]+){2,3}\\.nii\\.gz");

    private static final int DEPTH = 2;
    private static final int ATTEMPTS_BESIDE_A_SWEEP = 5;

    private final Path root;

    private FileMaskStore(Path root) {
        this.root = root;
    }

    /**
     * Opens the store and makes sure that it can be written to.
     *
     * @param root absolute folder; made if absent
     * @throws MaskStoreException if the folder cannot be made or written to
     */
    public static FileMaskStore open(Path root) throws MaskStoreException {
        try {
            if (!Files.isDirectory(root)) { // Java 17 does not take a link to a folder for one that exists already
                Files.createDirectories(root);
            }
            Files.delete(Files.createTempFile(root, PROBE, ".tmp"));
            return new FileMaskStore(root.toRealPath());
        } catch (IOException e) {
            throw MaskStoreException.permanent(
                    "the mask directory cannot be written to: " + e.getClass().getSimpleName());
        }
    }

    /**
     * Opens a store that is there already, to look into it.
     *
     * @param root absolute folder
     * @throws MaskStoreException if it is not there
     */
    public static FileMaskStore existing(Path root) throws MaskStoreException {
        try {
            if (!Files.isDirectory(root)) {
                throw MaskStoreException.permanent("there is no such mask directory");
            }
            return new FileMaskStore(root.toRealPath());
        } catch (IOException e) {
            throw MaskStoreException.permanent(
                    "the mask directory cannot be read: " + e.getClass().getSimpleName());
        }
    }

    @Override
    public URI create(MaskName name, MaskFile mask) throws MaskStoreException {
        Path target = root.resolve(name.path());
        IOException swept = null;
        for (int attempt = 0; attempt < ATTEMPTS_BESIDE_A_SWEEP; attempt++) {
            try {
                createOrFind(target, mask);
                return target.toUri();
            } catch (NoSuchFileException e) {
                swept = e; // a sweep took the folder or the file away between two steps
            } catch (IOException e) {
                throw cannot("write", e);
            }
        }
        throw cannot("write", swept);
    }

    private void createOrFind(Path target, MaskFile mask) throws IOException, MaskStoreException {
        Files.createDirectories(target.getParent());
        // Not Files.createTempFile: its files are for their owner alone, and masks are for others to read.
        Path written = target.resolveSibling(WRITING + UUID.randomUUID() + ".tmp");
        try {
            write(written, mask.bytes());
            try {
                publish(written, target);
            } catch (FileAlreadyExistsException e) {
                requireSame(target, mask);
                touch(target, written);
            }
            forceToDisk(target.getParent());
            forceToDisk(root);
        } finally {
            deleteQuietly(written);
        }
    }

    private static MaskStoreException cannot(String what, IOException e) {
        return MaskStoreException.retriable(
                "cannot " + what + " a mask: " + e.getClass().getSimpleName());
    }

    /** Tells a sweep that the mask is needed again, however old it is. */
    private static void touch(Path target, Path sameBytes) throws IOException {
        try {
            Files.setLastModifiedTime(target, FileTime.from(Instant.now()));
            if (Files.notExists(target)) {
                // Java sets the time of the file it has opened, even if a sweep has taken it out of its name since.
                throw new NoSuchFileException(target.toString());
            }
        } catch (NoSuchFileException e) {
            throw e;
        } catch (FileSystemException e) {
            // Another user's file. The same bytes take its place in one step.
            Files.move(sameBytes, target, StandardCopyOption.ATOMIC_MOVE);
        }
    }

    @Override
    public byte[] read(URI location) throws MaskStoreException {
        try {
            Path file = Path.of(location).toRealPath();
            if (!file.startsWith(root)) {
                throw MaskStoreException.permanent("a mask outside the mask directory is not read");
            }
            return Files.readAllBytes(file);
        } catch (IOException | IllegalArgumentException | FileSystemNotFoundException e) {
            throw MaskStoreException.retriable(
                    "cannot read a mask: " + e.getClass().getSimpleName());
        }
    }

    @Override
    public List<StoredMask> list() throws MaskStoreException {
        List<StoredMask> found = new ArrayList<>();
        for (Path file : files()) {
            try {
                String name = file.getFileName().toString();
                boolean taken = name.startsWith(SWEEPING);
                Path named = taken ? file.resolveSibling(name.substring(SWEEPING.length())) : file;
                boolean unfinished = name.startsWith(WRITING) || name.startsWith(PROBE);
                boolean mask = MASK.matcher(relative(named)).matches();
                if (unfinished || mask && !(taken && Files.exists(named))) {
                    found.add(new StoredMask(
                            relative(named),
                            Files.getLastModifiedTime(file).toInstant(),
                            Files.size(file),
                            unfinished));
                }
            } catch (NoSuchFileException e) {
                LOG.debug("a file was gone before it was looked at"); // a worker's temporary file
            } catch (IOException e) {
                throw cannot("list", e);
            }
        }
        return found;
    }

    private List<Path> files() throws MaskStoreException {
        List<Path> files = new ArrayList<>();
        try {
            Files.walkFileTree(root, Set.of(), DEPTH, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                    if (attributes.isRegularFile()) {
                        files.add(file);
                    }
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
                    if (e instanceof NoSuchFileException) {
                        return FileVisitResult.CONTINUE;
                    }
                    throw e;
                }
            });
        } catch (IOException e) {
            throw cannot("list", e);
        }
        return files;
    }

    private String relative(Path file) {
        return root.relativize(file).toString();
    }

    @Override
    public void recover() throws MaskStoreException {
        for (Path file : files()) {
            String name = file.getFileName().toString();
            if (name.startsWith(SWEEPING)) {
                try {
                    putBack(file, file.resolveSibling(name.substring(SWEEPING.length())));
                } catch (IOException e) {
                    throw cannot("put back", e);
                }
            }
        }
    }

    /** The file leaves its name first, and only then is its time looked at: a replay that finds it under its name has touched it before. */
    @Override
    public boolean delete(StoredMask mask, Instant olderThan) throws MaskStoreException {
        Path file = root.resolve(mask.name());
        Path taken = file.resolveSibling(SWEEPING + file.getFileName());
        try {
            Files.move(file, taken, StandardCopyOption.ATOMIC_MOVE);
            if (!Files.getLastModifiedTime(taken).toInstant().isBefore(olderThan)) {
                putBack(taken, file);
                return false;
            }
            Files.delete(taken);
            deleteIfEmpty(file.getParent());
            return true;
        } catch (NoSuchFileException e) {
            return false; // another sweep was faster
        } catch (IOException e) {
            throw cannot("delete", e);
        }
    }

    private static void putBack(Path taken, Path name) throws IOException {
        try {
            publish(taken, name);
        } catch (FileAlreadyExistsException e) {
            LOG.debug("the mask was written anew"); // the same name, so the same bytes
        }
        Files.deleteIfExists(taken);
    }

    private void deleteIfEmpty(Path folder) throws IOException {
        if (folder.equals(root)) {
            return;
        }
        try {
            Files.deleteIfExists(folder);
        } catch (DirectoryNotEmptyException e) {
            LOG.debug("a study has masks left");
        }
    }

    private static void write(Path file, byte[] bytes) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            ByteBuffer left = ByteBuffer.wrap(bytes);
            while (left.hasRemaining()) {
                channel.write(left);
            }
            channel.force(true);
        }
    }

    /** A hard link is the one way to name a file that is atomic and never replaces another. */
    private static void publish(Path written, Path target) throws IOException {
        try {
            Files.createLink(target, written);
        } catch (FileAlreadyExistsException e) {
            throw e;
        } catch (UnsupportedOperationException | FileSystemException e) {
            // No hard links here, as on many network shares: a rename is atomic too, and what it might replace in a
            // race has the same bytes by its name.
            if (Files.exists(target)) {
                throw new FileAlreadyExistsException(target.toString());
            }
            Files.move(written, target, StandardCopyOption.ATOMIC_MOVE);
        }
    }

    /** The file's name must outlive a power failure as its bytes do: the result that refers to it will. */
    private static void forceToDisk(Path folder) {
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException e) {
            // Some file systems cannot do this to a folder. The mask is whole and in its place all the same.
            LOG.debug("a mask folder cannot be forced to disk: {}", e.getClass().getSimpleName());
        }
    }

    private static void requireSame(Path target, MaskFile mask) throws IOException, MaskStoreException {
        if (!Arrays.equals(Files.readAllBytes(target), mask.bytes())) {
            throw MaskStoreException.permanent("another mask lies under the same name");
        }
    }

    /** The mask is under its name by now, or its own failure is the one to report. */
    private static void deleteQuietly(Path file) {
        if (file != null) {
            try {
                Files.deleteIfExists(file);
            } catch (IOException e) {
                LOG.warn(
                        "a temporary file stays in the mask directory: {}",
                        e.getClass().getSimpleName());
            }
        }
    }
}
