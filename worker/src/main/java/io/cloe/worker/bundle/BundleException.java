package io.cloe.worker.bundle;

/**
 * A bundle that must not be served. The message names the manifest's key or the file relative to the bundle and what is allowed; it
 * holds no path of this machine.
 */
public final class BundleException extends Exception {

    private static final long serialVersionUID = 1L;

    /** What is wrong with a bundle. */
    public enum Kind {
        /** There is no readable {@code manifest.json}. */
        MANIFEST_MISSING,
        /** {@code manifest.json} is not JSON, repeats a key or is too large. */
        MANIFEST_UNREADABLE,
        /** Written for another version of the contract. */
        FORMAT_VERSION,
        /** A key that the contract asks for is absent. */
        KEY_MISSING,
        /** A key that the contract does not know. */
        KEY_UNKNOWN,
        /** A value of the wrong type, out of range or contradicting another. */
        VALUE_INVALID,
        /** A file that the manifest lists is absent. */
        FILE_MISSING,
        /** The bundle holds a file that the manifest does not list. */
        FILE_UNLISTED,
        /** A file's name or link leads out of the bundle. */
        FILE_OUTSIDE,
        /** A file's size or digest is not what the manifest says. */
        FILE_CHANGED,
        /** The operating system failed to read a file. */
        FILE_UNREADABLE,
        /** A graph's tensors are not what the contract asks for. */
        GRAPH_INTERFACE,
        /** The network answers the golden window differently from what the manifest says. */
        GOLDEN_MISMATCH
    }

    private final Kind kind;

    public BundleException(Kind kind, String message) {
        super(message);
        this.kind = kind;
    }

    public BundleException(Kind kind, String message, Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    public Kind kind() {
        return kind;
    }
}
