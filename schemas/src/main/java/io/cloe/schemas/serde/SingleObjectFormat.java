package io.cloe.schemas.serde;

import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.Serde;

/** {@link RecordFormat#singleObject}. */
enum SingleObjectFormat implements RecordFormat {
    INSTANCE;

    @Override
    public <T extends SpecificRecord> Serde<T> of(Class<T> type) {
        return RecordSerde.of(type);
    }
}
