package io.cloe.worker.volume;

import io.cloe.schemas.FailureReason;
import java.util.Objects;
import java.util.Optional;

/**
 * A volume that cannot be used, with a typed reason.
 *
 * <p>The message never holds a path, a URI, an id or text from a file's header: it may be logged and published as it is.
 * For the same reason there is no cause, whose message might hold a path; where the kind of an underlying error matters,
 * the message names its class.
 */
public final class VolumeException extends Exception {
    private static final long serialVersionUID = 1L;

    private final FailureReason reason;
    private final boolean retriable;
    private final String modality;

    private VolumeException(FailureReason reason, boolean retriable, String modality, String message) {
        super(message);
        this.reason = Objects.requireNonNull(reason);
        this.retriable = retriable;
        this.modality = modality;
    }

    /** A fault that another attempt on the same file will meet again. The message must keep the rule above. */
    public static VolumeException permanent(FailureReason reason, String message) {
        return new VolumeException(reason, false, null, message);
    }

    /** A fault that may be gone at the next attempt. The message must keep the rule above. */
    public static VolumeException retriable(FailureReason reason, String message) {
        return new VolumeException(reason, true, null, message);
    }

    static VolumeException corrupt(String message) {
        return permanent(FailureReason.VOLUME_CORRUPT, message);
    }

    static VolumeException unsupported(String message) {
        return permanent(FailureReason.VOLUME_UNSUPPORTED, message);
    }

    static VolumeException tooLarge(String message) {
        return permanent(FailureReason.STUDY_TOO_LARGE, message);
    }

    /** The same fault, said of one modality of a study. */
    public VolumeException ofModality(String name) {
        var named = new VolumeException(reason, retriable, Objects.requireNonNull(name), getMessage());
        named.setStackTrace(getStackTrace());
        return named;
    }

    /** What went wrong, as published in study-failures. */
    public FailureReason reason() {
        return reason;
    }

    /** Whether another attempt may succeed without anybody changing the file. */
    public boolean retriable() {
        return retriable;
    }

    /** The modality concerned, where one is known to be at fault. */
    public Optional<String> modality() {
        return Optional.ofNullable(modality);
    }
}
