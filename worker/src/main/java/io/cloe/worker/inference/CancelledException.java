package io.cloe.worker.inference;

/** The inference was stopped by {@link InferenceControl#cancel}; the message is the reason given there. */
public final class CancelledException extends EngineException {

    private static final long serialVersionUID = 1L;

    CancelledException(String reason, Throwable cause) {
        super(Kind.CANCELLED, reason, cause);
    }
}
