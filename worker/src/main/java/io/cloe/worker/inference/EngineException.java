package io.cloe.worker.inference;

import io.cloe.schemas.FailureReason;

/** An inference that gave no result. The message holds no path and nothing of the study's data. */
public class EngineException extends Exception {

    private static final long serialVersionUID = 1L;

    /** Why there is no result. */
    public enum Kind {
        /** The crop is not what the bundle's graphs take. */
        INVALID_INPUT(FailureReason.ENGINE_ERROR),
        /** The crop needs more memory than the engine may use. */
        STUDY_TOO_LARGE(FailureReason.STUDY_TOO_LARGE),
        /** The device or the Java heap had no memory left. */
        OUT_OF_MEMORY(FailureReason.OUT_OF_MEMORY),
        /** ONNX Runtime failed, or the network answered something that is not a number. */
        ENGINE_ERROR(FailureReason.ENGINE_ERROR),
        /** A file of the bundle is no longer what was checked when it was opened, or a graph has another interface. */
        BUNDLE_REFUSED(FailureReason.ENGINE_ERROR),
        /** The text is not a device. */
        UNKNOWN_DEVICE(FailureReason.ENGINE_ERROR),
        /** The device asked for cannot be used. */
        DEVICE_UNAVAILABLE(FailureReason.ENGINE_ERROR),
        /** The device did not end a run that was stopped. */
        DEVICE_STUCK(FailureReason.ENGINE_ERROR),
        /** The engine is closed, or was closed while the study ran. */
        CLOSED(FailureReason.ENGINE_ERROR),
        /** Another thread owns the engine. */
        WRONG_THREAD(FailureReason.ENGINE_ERROR),
        /** The caller cancelled the inference. */
        CANCELLED(FailureReason.CANCELLED);

        private final FailureReason reason;

        Kind(FailureReason reason) {
            this.reason = reason;
        }
    }

    private final Kind kind;

    public EngineException(Kind kind, String message) {
        super(message);
        this.kind = kind;
    }

    public EngineException(Kind kind, String message, Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    public Kind kind() {
        return kind;
    }

    /** The failure as published in study-failures. */
    public FailureReason reason() {
        return kind.reason;
    }
}
