package io.cloe.worker.bundle;

import io.cloe.worker.bundle.BundleException.Kind;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The files of a bundle with what the manifest says of them. Every read is checked again, because sessions are opened long after the
 * bundle was: a file exchanged in between is refused, not served. Immutable; any thread.
 */
public final class BundleFiles {

    /** The manifest's name, relative to the bundle. */
    public static final String MANIFEST = "manifest.json";

    /**
     * What the manifest says of a file.
     *
     * @param sha256 lower-case hexadecimal SHA-256
     * @param bytes size
     */
    public record Listed(String sha256, long bytes) {}

    private static final int COPY_BUFFER_BYTES = 1 << 16;

    private final Path root;
    private final Map<String, Listed> listed;

    BundleFiles(Path root, Map<String, Listed> listed) {
        this.root = root;
        this.listed = Collections.unmodifiableMap(new LinkedHashMap<>(listed));
    }

    /** Every file but the manifest, by its name relative to the bundle with {@code /} between folders. */
    public Map<String, Listed> listed() {
        return listed;
    }

    /** Size of all listed files together. */
    public long totalBytes() {
        return listed.values().stream().mapToLong(Listed::bytes).sum();
    }

    /** The bundle's folder: absolute, links resolved. */
    public Path root() {
        return root;
    }

    /**
     * A listed file's content.
     *
     * @throws BundleException if it is missing, leads out of the bundle, cannot be read, or is not the file the manifest lists
     */
    public byte[] read(String name) throws BundleException {
        Listed expected = expected(name);
        Path file = locate(name);
        try (InputStream in = Files.newInputStream(file)) {
            requireSize(name, expected, Files.size(file));
            // One byte more than expected shows a file that grows while it is read.
            byte[] content = in.readNBytes(Math.toIntExact(Math.min(expected.bytes() + 1, Integer.MAX_VALUE - 8)));
            requireSize(name, expected, content.length);
            requireDigest(name, expected, sha256().digest(content));
            return content;
        } catch (IOException e) {
            throw unreadable(name, e);
        }
    }

    /**
     * Checks a listed file without keeping its content.
     *
     * @throws BundleException as {@link #read}
     */
    public void verify(String name) throws BundleException {
        Listed expected = expected(name);
        Path file = locate(name);
        MessageDigest digest = sha256();
        try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
            requireSize(name, expected, Files.size(file));
            byte[] buffer = new byte[COPY_BUFFER_BYTES];
            long total = 0;
            for (int n = in.read(buffer); n >= 0 && total <= expected.bytes(); n = in.read(buffer)) {
                total += n;
            }
            requireSize(name, expected, total);
            requireDigest(name, expected, digest.digest());
        } catch (IOException e) {
            throw unreadable(name, e);
        }
    }

    /** Checks every listed file, and that nothing else lies in the bundle. */
    void verifyAll() throws BundleException {
        for (String name : listed.keySet()) {
            verify(name);
        }
        String[] stray = new String[1];
        try {
            Files.walkFileTree(root, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
                    return !folder.equals(root) && isHidden(folder)
                            ? FileVisitResult.SKIP_SUBTREE
                            : FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                    String name = root.relativize(file).toString().replace('\\', '/');
                    if (isHidden(file) || name.equals(MANIFEST) || listed.containsKey(name)) {
                        return FileVisitResult.CONTINUE;
                    }
                    stray[0] = name;
                    return FileVisitResult.TERMINATE;
                }
            });
        } catch (IOException e) {
            throw unreadable(".", e);
        }
        if (stray[0] != null) {
            throw new BundleException(
                    Kind.FILE_UNLISTED,
                    "files: '" + stray[0] + "' is in the bundle but not listed; list it or remove it");
        }
    }

    /** Kubernetes volumes, editors and file managers leave dot files that belong to nobody's model. */
    private static boolean isHidden(Path path) {
        return path.getFileName().toString().startsWith(".");
    }

    private Listed expected(String name) {
        Listed expected = listed.get(name);
        if (expected == null) {
            throw new IllegalArgumentException("not a listed file: " + name);
        }
        return expected;
    }

    private Path locate(String name) throws BundleException {
        Path file = root.resolve(name);
        if (!Files.exists(file)) {
            throw new BundleException(Kind.FILE_MISSING, "files: '" + name + "' is listed but missing");
        }
        Path real;
        try {
            real = file.toRealPath();
        } catch (IOException e) {
            throw unreadable(name, e);
        }
        if (!real.startsWith(root)) {
            throw new BundleException(
                    Kind.FILE_OUTSIDE,
                    "files: '" + name + "' is a link that leaves the bundle; allowed are files inside it");
        }
        if (!Files.isRegularFile(real)) {
            throw new BundleException(Kind.FILE_MISSING, "files: '" + name + "' is not a regular file");
        }
        return real;
    }

    private static void requireSize(String name, Listed expected, long actual) throws BundleException {
        if (actual != expected.bytes()) {
            throw new BundleException(
                    Kind.FILE_CHANGED,
                    "files: '" + name + "' has " + actual + " bytes, the manifest says " + expected.bytes());
        }
    }

    private static void requireDigest(String name, Listed expected, byte[] actual) throws BundleException {
        String hex = HexFormat.of().formatHex(actual);
        if (!hex.equals(expected.sha256())) {
            throw new BundleException(
                    Kind.FILE_CHANGED,
                    "files: '" + name + "' has SHA-256 " + hex + ", the manifest says " + expected.sha256());
        }
    }

    private static BundleException unreadable(String name, IOException cause) {
        return new BundleException(
                Kind.FILE_UNREADABLE,
                "files: '" + name + "' cannot be read (" + cause.getClass().getSimpleName() + ")",
                cause);
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
