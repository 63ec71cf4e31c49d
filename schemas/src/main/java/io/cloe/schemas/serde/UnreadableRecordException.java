package io.cloe.schemas.serde;

import org.apache.kafka.common.errors.SerializationException;

/**
 * Bytes that are not a record of the expected type. The message holds codes and numbers only, never content, so that it may
 * be logged and put into dead-letter headers.
 */
public final class UnreadableRecordException extends SerializationException {

    private static final long serialVersionUID = 1L;

    /** What is wrong with the bytes. */
    public enum Kind {
        /** Neither Avro's single-object encoding (C3 01) nor a registry's form (00). */
        UNKNOWN_WIRE_FORM,
        /** A schema registry's form, and no registry is configured. */
        REGISTRY_NOT_CONFIGURED,
        /** Written with a schema that this build does not know, or with another record's schema. */
        UNKNOWN_SCHEMA,
        /** The bytes do not follow the schema that they name. */
        MALFORMED
    }

    private final Kind kind;

    /** With codes and numbers only. */
    public UnreadableRecordException(Kind kind, String message) {
        super(kind + ": " + message);
        this.kind = kind;
    }

    /** What is wrong with the bytes. */
    public Kind kind() {
        return kind;
    }
}
