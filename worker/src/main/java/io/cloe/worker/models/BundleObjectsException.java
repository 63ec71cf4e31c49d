package io.cloe.worker.models;

/** An object store that did not do what it was asked for. Names no bucket, key or address. */
public final class BundleObjectsException extends Exception {

    private static final long serialVersionUID = 1L;

    private final String code;

    /** @param code the kind of failure, in one word */
    public BundleObjectsException(String code, String message) {
        super(message);
        this.code = code;
    }

    /** The kind of failure, in one word. */
    public String code() {
        return code;
    }
}
