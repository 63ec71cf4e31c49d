package io.cloe.worker.masks;

/** The mask store failed. The message holds no path and no study id. */
public final class MaskStoreException extends Exception {

    private static final long serialVersionUID = 1L;
    private final boolean retriable;

    private MaskStoreException(String message, boolean retriable) {
        super(message);
        this.retriable = retriable;
    }

    /** A fault that may be gone at the next attempt. The message must keep the rule above. */
    public static MaskStoreException retriable(String message) {
        return new MaskStoreException(message, true);
    }

    /** A fault that every attempt will meet until somebody changes something. The message must keep the rule above. */
    public static MaskStoreException permanent(String message) {
        return new MaskStoreException(message, false);
    }

    /** Whether another attempt may succeed. */
    public boolean retriable() {
        return retriable;
    }
}
