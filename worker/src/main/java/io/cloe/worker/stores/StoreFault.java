package io.cloe.worker.stores;

import io.cloe.schemas.FailureReason;
import io.cloe.worker.masks.MaskStoreException;
import io.cloe.worker.models.BundleObjectsException;
import io.cloe.worker.volume.VolumeException;
import java.util.Locale;

/** A request that a store did not serve, and why. Names no bucket, key or address. */
final class StoreFault extends Exception {

    private static final long serialVersionUID = 1L;

    /** What a store may say. */
    enum Kind {
        /** There is no such object. Whoever announced it may be about to write it. */
        NOT_FOUND("there is no such object", true),
        /** The object is gone for good. */
        GONE("the object is gone", false),
        /** There is no such bucket. */
        NO_BUCKET("there is no such bucket", false),
        /** These credentials may not do this. */
        DENIED("the store denies access", false),
        /** The bucket lies in another region. */
        OTHER_REGION("the bucket lies in another region than s3.region says", false),
        /** Somebody was faster. */
        EXISTS("an object lies under the name already", false),
        /** Somebody does the same at the same time. */
        CONFLICT("somebody writes the object at the same time", true),
        /** The store asks for patience. */
        THROTTLED("the store asks for patience", true),
        /** The store failed, cannot be reached or takes too long. */
        UNAVAILABLE("the store does not serve the request", true),
        /** The store does not understand, or does not offer this. */
        REFUSED("the store refuses the request", false);

        private final String message;
        private final boolean retriable;

        Kind(String message, boolean retriable) {
            this.message = message;
            this.retriable = retriable;
        }

        /** The kind as a metric's tag. */
        String tag() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private final Kind kind;

    StoreFault(Kind kind, String detail) {
        super(detail.isEmpty() ? kind.message : kind.message + " (" + detail + ")");
        this.kind = kind;
    }

    Kind kind() {
        return kind;
    }

    /** Said of a volume. */
    VolumeException ofVolume() {
        FailureReason reason =
                switch (kind) {
                    case NOT_FOUND, GONE, NO_BUCKET -> FailureReason.VOLUME_NOT_FOUND;
                    case DENIED -> FailureReason.VOLUME_FORBIDDEN;
                    default -> FailureReason.VOLUME_IO;
                };
        String message = kind == Kind.DENIED
                ? getMessage() + ": volume.roots names a place that this worker's credentials may not read"
                : getMessage();
        return kind.retriable ? VolumeException.retriable(reason, message) : VolumeException.permanent(reason, message);
    }

    /** Said of a bundle. */
    BundleObjectsException ofBundle() {
        return new BundleObjectsException(kind.name(), getMessage());
    }

    /** Said of a mask. */
    MaskStoreException ofMask(String what) {
        String message = "cannot " + what + " a mask: " + getMessage();
        return kind.retriable ? MaskStoreException.retriable(message) : MaskStoreException.permanent(message);
    }
}
