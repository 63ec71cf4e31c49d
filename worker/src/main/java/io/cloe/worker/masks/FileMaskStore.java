package io.cloe.worker.masks;

import io.cloe.worker.volume.MaskFile;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/**
 * Masks in a folder. A mask appears under its name whole or not at all: it is written beside its place, forced to disk, and
 * then given its name in one step that fails if the name is taken.
 */
public final class FileMaskStore implements MaskStore {

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
            Files.createDirectories(root);
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
            written = Files.createTempFile(target.getParent(), ".writing-", ".tmp");
            write(written, mask.bytes());
            publish(written, target);
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
        } catch (IOException | IllegalArgumentException e) {
            throw MaskStoreException.retriable(
                    "cannot read a mask: " + e.getClass().getSimpleName());
        }
    }

    private static void write(Path file, byte[] bytes) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
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
        } catch (UnsupportedOperationException e) {
            // No hard links here: a rename is atomic too, and what it might replace has the same bytes by its name.
            Files.move(written, target, StandardCopyOption.ATOMIC_MOVE);
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

    private static void deleteQuietly(Path file) throws MaskStoreException {
        if (file != null) {
            try {
                Files.deleteIfExists(file);
            } catch (IOException e) {
                throw MaskStoreException.retriable(
                        "cannot remove a temporary file: " + e.getClass().getSimpleName());
            }
        }
    }
}
