package io.cloe.worker.masks;

import io.cloe.worker.volume.MaskFile;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemNotFoundException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Masks in a folder. A mask appears under its name whole or not at all: it is written beside its place, forced to disk, and
 * then given its name in one step that fails if the name is taken.
 */
public final class FileMaskStore implements MaskStore {

    private static final Logger LOG = LoggerFactory.getLogger(FileMaskStore.class);

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
            Files.delete(Files.createTempFile(root, ".probe-", ".tmp"));
            return new FileMaskStore(root.toRealPath());
        } catch (IOException e) {
            throw MaskStoreException.permanent(
                    "the mask directory cannot be written to: " + e.getClass().getSimpleName());
        }
    }

    @Override
    public URI create(MaskName name, MaskFile mask) throws MaskStoreException {
        Path target = root.resolve(name.path());
        Path written = null;
        try {
            Files.createDirectories(target.getParent());
            // Not Files.createTempFile: its files are for their owner alone, and masks are for others to read.
            written = target.resolveSibling(".writing-" + UUID.randomUUID() + ".tmp");
            write(written, mask.bytes());
            publish(written, target);
            forceToDisk(target.getParent());
            forceToDisk(root);
        } catch (FileAlreadyExistsException e) {
            requireSame(target, mask);
        } catch (IOException e) {
            throw MaskStoreException.retriable(
                    "cannot write a mask: " + e.getClass().getSimpleName());
        } finally {
            deleteQuietly(written);
        }
        return target.toUri();
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

    private static void requireSame(Path target, MaskFile mask) throws MaskStoreException {
        try {
            if (!Arrays.equals(Files.readAllBytes(target), mask.bytes())) {
                throw MaskStoreException.permanent("another mask lies under the same name");
            }
        } catch (IOException e) {
            throw MaskStoreException.retriable(
                    "cannot read a mask: " + e.getClass().getSimpleName());
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
