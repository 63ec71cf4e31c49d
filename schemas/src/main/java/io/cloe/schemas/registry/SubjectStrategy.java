package io.cloe.schemas.registry;

import org.apache.avro.Schema;

/** Under which subject the registry keeps the schema of a topic's values. Named as in Confluent's clients. */
public enum SubjectStrategy {
    /** {@code TOPIC-value}: one schema per topic. The default everywhere. */
    TOPIC_NAME,
    /** The record's full name: one schema per record type, whatever the topic. */
    RECORD_NAME,
    /** {@code TOPIC-FULL.NAME}. */
    TOPIC_RECORD_NAME;

    /** The subject. */
    public String subject(String topic, Schema schema) {
        return switch (this) {
            case TOPIC_NAME -> topic + "-value";
            case RECORD_NAME -> schema.getFullName();
            case TOPIC_RECORD_NAME -> topic + "-" + schema.getFullName();
        };
    }
}
