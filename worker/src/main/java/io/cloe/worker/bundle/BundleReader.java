package io.cloe.worker.bundle;

import io.cloe.worker.bundle.BundleException.Kind;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;

/** Opens bundles. Stateless; any thread. */
public final class BundleReader {

    /** A manifest of 255 graphs and their digests stays far below this. */
    public static final int MAX_MANIFEST_BYTES = 4 << 20;

    private BundleReader() {}

    /**
     * Reads the manifest and checks it and every file that it lists, digests included. The numbers of the golden window are checked
     * where networks are run: {@code io.cloe.worker.inference.BundleVerifier}.
     *
     * @param folder the bundle
     * @throws BundleException if anything differs from the contract
     */
    public static ModelBundle open(Path folder) throws BundleException {
        Path root;
        try {
            root = folder.toRealPath();
        } catch (IOException e) {
            throw new BundleException(Kind.MANIFEST_MISSING, "manifest.json: the bundle's folder does not exist", e);
        }
        ModelBundle bundle = describe(manifest(root), root);
        bundle.files().verifyAll();
        return bundle;
    }

    /**
     * Reads a manifest alone, of a bundle whose files have not been looked at.
     *
     * @param manifest content of {@code manifest.json}
     * @param root where the files lie, or will lie: absolute, without links
     * @throws BundleException if the manifest differs from the contract
     */
    public static ModelBundle describe(byte[] manifest, Path root) throws BundleException {
        requireSize(manifest);
        return new ManifestParser(root).parse(manifest);
    }

    private static void requireSize(byte[] manifest) throws BundleException {
        if (manifest.length > MAX_MANIFEST_BYTES) {
            throw new BundleException(
                    Kind.MANIFEST_UNREADABLE,
                    "manifest.json: larger than " + MAX_MANIFEST_BYTES + " bytes; a manifest is smaller");
        }
    }

    private static byte[] manifest(Path root) throws BundleException {
        Path file = root.resolve(BundleFiles.MANIFEST);
        if (Files.isSymbolicLink(file) && !staysInside(root, file)) {
            throw new BundleException(
                    Kind.FILE_OUTSIDE, "manifest.json: is a link that leaves the bundle; allowed is a file inside it");
        }
        if (!Files.isRegularFile(file)) {
            throw new BundleException(Kind.MANIFEST_MISSING, "manifest.json: missing; a bundle holds exactly one");
        }
        try (InputStream in = Files.newInputStream(file)) {
            return in.readNBytes(MAX_MANIFEST_BYTES + 1);
        } catch (IOException e) {
            throw new BundleException(
                    Kind.FILE_UNREADABLE,
                    "manifest.json: cannot be read (" + e.getClass().getSimpleName() + ")",
                    e);
        }
    }

    private static boolean staysInside(Path root, Path link) throws BundleException {
        try {
            return !Files.exists(link, LinkOption.NOFOLLOW_LINKS)
                    || link.toRealPath().startsWith(root);
        } catch (IOException e) {
            throw new BundleException(Kind.MANIFEST_MISSING, "manifest.json: is a link to nothing", e);
        }
    }
}
