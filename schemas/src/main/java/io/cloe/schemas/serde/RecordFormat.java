package io.cloe.schemas.serde;

import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.Serde;

/**
 * How records of a topic travel. Whatever the form that is written, a reader takes both Avro's single-object encoding and, where a registry
 * is configured, the registry's form.
 */
public interface RecordFormat {

    /** A serde for a generated record class; it may be used by several threads. */
    <T extends SpecificRecord> Serde<T> of(Class<T> type);

    /** Avro's single-object encoding, with the schemas known at build time: {@link RecordSerde}. */
    static RecordFormat singleObject() {
        return SingleObjectFormat.INSTANCE;
    }
}
