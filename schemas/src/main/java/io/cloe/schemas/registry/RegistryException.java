package io.cloe.schemas.registry;

import org.apache.kafka.common.errors.SerializationException;

/**
 * The schema registry does not give what is needed. It says nothing about the record at hand, which may be read once the registry does.
 * The message holds no credentials and nothing of a record.
 */
public final class RegistryException extends SerializationException {

    private static final long serialVersionUID = 1L;

    /** What stands in the way. */
    public enum Kind {
        /** No answer, or the registry says that it has a fault of its own; another attempt may succeed. */
        UNREACHABLE,
        /** The credentials are missing or refused. */
        UNAUTHORISED,
        /** There is no such subject, schema or id. */
        NOT_FOUND,
        /** The subject's rules refuse the schema. */
        INCOMPATIBLE,
        /** An answer that is none of the dialect's. */
        UNEXPECTED
    }

    private final Kind kind;

    RegistryException(Kind kind, String message) {
        super(kind + ": " + message);
        this.kind = kind;
    }

    /** What stands in the way. */
    public Kind kind() {
        return kind;
    }
}
