package io.cloe.worker.volume;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.VolumeReference;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.Optional;

/**
 * Volumes on file systems, below configured folders only.
 *
 * <p>A file is served if its location is a plain {@code file:} URI, names a path below one of the roots, and still lies
 * below one once every symbolic link is followed. A path outside the roots is refused before the file system is asked,
 * so that a refusal does not tell what exists there. Roots may be mounted later: they are looked up at each load.
 *
 * <p>A location is matched against the roots as they are configured, so producers and worker must name them alike.
 *
 * <p>A file is read once: digest and voxels come from the same bytes. Immutable, for any number of threads.
 */
public final class FileVolumeSource implements VolumeSource {
    private final List<Path> roots;
    private final VolumeReading reading;

    /**
     * @param roots absolute folders; with none, every location is refused
     * @param reader reads the files
     * @throws IllegalArgumentException if a root is not absolute
     */
    public FileVolumeSource(List<Path> roots, NiftiReader reader) {
        for (Path root : roots) {
            if (!root.isAbsolute()) {
                throw new IllegalArgumentException("a volume root must be an absolute path");
            }
        }
        this.roots = roots.stream().map(Path::normalize).toList();
        this.reading = new VolumeReading(reader);
    }

    @Override
    public LoadedVolume load(VolumeReference reference) throws VolumeException {
        return open(reference, (in, size) -> reading.volume(in, size, reference));
    }

    @Override
    public Optional<Grid> grid(VolumeReference reference) throws VolumeException {
        return open(reference, (in, size) -> Optional.of(reading.grid(in)));
    }

    /** What is done with an open file. */
    private interface Use<T> {
        T of(InputStream in, long size) throws IOException, VolumeException;
    }

    private <T> T open(VolumeReference reference, Use<T> use) throws VolumeException {
        VolumeReading.requireFormat(reference);
        Path named = FileUri.toPath(reference.getUri());
        try {
            Path file = resolve(named);
            long size = sizeOf(file);
            reading.requireSize(size, reference);
            // The path is real, so a link in its last place was put there after the check.
            try (InputStream in = Files.newInputStream(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
                return use.of(in, size);
            }
        } catch (NoSuchFileException e) {
            throw VolumeException.retriable(FailureReason.VOLUME_NOT_FOUND, "there is no such file");
        } catch (IOException e) {
            throw VolumeException.retriable(
                    FailureReason.VOLUME_IO,
                    "reading failed: " + e.getClass().getSimpleName()); // its message may hold the path
        }
    }

    private Path resolve(Path named) throws IOException, VolumeException {
        if (roots.stream().noneMatch(named::startsWith)) {
            throw outside();
        }
        Path real = named.toRealPath();
        for (Path root : roots) {
            Optional<Path> realRoot = realPathOf(root);
            if (realRoot.isPresent() && real.startsWith(realRoot.get())) {
                return real;
            }
        }
        throw outside();
    }

    private static Optional<Path> realPathOf(Path root) throws IOException {
        try {
            return Optional.of(root.toRealPath());
        } catch (NoSuchFileException e) {
            return Optional.empty(); // one of several roots is not mounted; the file may lie below another
        }
    }

    private static VolumeException outside() {
        return forbidden("the location is outside the configured roots");
    }

    private static VolumeException forbidden(String message) {
        return VolumeException.permanent(FailureReason.VOLUME_FORBIDDEN, message);
    }

    private static long sizeOf(Path file) throws IOException, VolumeException {
        var attributes = Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        if (!attributes.isRegularFile()) {
            throw forbidden("the location is not a regular file"); // opening a pipe would wait for ever
        }
        return attributes.size();
    }
}
