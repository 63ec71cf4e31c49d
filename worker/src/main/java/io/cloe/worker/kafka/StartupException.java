package io.cloe.worker.kafka;

/** The worker cannot start. The message is one line for the operator. */
public final class StartupException extends Exception {

    private static final long serialVersionUID = 1L;

    /** What stands in the way. */
    public enum Kind {
        /** No broker answered. */
        KAFKA_UNREACHABLE,
        /** A topic is missing, or partition counts do not fit together. */
        TOPICS,
        /** A model bundle was refused, or two serve one family. */
        MODEL,
        /** The device asked for cannot be used. */
        DEVICE,
        /** The mask directory cannot be used. */
        MASK_STORE,
        /** The schema registry does not answer, or refuses a schema. */
        REGISTRY,
        /** The admin HTTP server cannot listen where it is told to. */
        ADMIN_HTTP
    }

    private final Kind kind;

    /** With the line for the operator. */
    public StartupException(Kind kind, String message) {
        super(message);
        this.kind = kind;
    }

    /** What stands in the way. */
    public Kind kind() {
        return kind;
    }
}
