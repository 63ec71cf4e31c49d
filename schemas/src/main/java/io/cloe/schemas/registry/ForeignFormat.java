package io.cloe.schemas.registry;

import io.cloe.schemas.serde.RecordFormat;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.schemas.serde.UnreadableRecordException;
import java.io.IOException;
import java.util.Map;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.utils.Utils;

/**
 * Records through somebody else's serializer and deserializer, such as Confluent's, named by class and configured by its own settings. The
 * reader still takes Avro's single-object encoding too.
 */
public final class ForeignFormat implements RecordFormat {

    private final String serializerClass;
    private final String deserializerClass;
    private final Map<String, Object> settings;

    /**
     * @param serializerClass a {@link Serializer} of records, with a constructor without parameters
     * @param deserializerClass a {@link Deserializer} that gives generated records
     * @param settings for both
     * @throws IllegalArgumentException if a class is not there or is not what it should be
     */
    public ForeignFormat(String serializerClass, String deserializerClass, Map<String, Object> settings) {
        this.serializerClass = serializerClass;
        this.deserializerClass = deserializerClass;
        this.settings = Map.copyOf(settings);
        make(serializerClass, Serializer.class).close();
        make(deserializerClass, Deserializer.class).close();
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T extends SpecificRecord> Serde<T> of(Class<T> type) {
        Serializer<T> serializer = make(serializerClass, Serializer.class);
        serializer.configure(settings, false);
        Deserializer<Object> deserializer = make(deserializerClass, Deserializer.class);
        deserializer.configure(settings, false);
        return Serdes.serdeFrom(serializer, new EitherForm<>(type, deserializer));
    }

    private static <C> C make(String name, Class<C> type) {
        try {
            return Utils.newInstance(name, type);
        } catch (ClassNotFoundException | KafkaException | ClassCastException e) {
            throw new IllegalArgumentException(
                    "class " + name + " is not there (is its jar on the class path?) or is no " + type.getSimpleName());
        }
    }

    /** Tells the two forms apart by their first byte. */
    private static final class EitherForm<T extends SpecificRecord> implements Deserializer<T> {

        private final Class<T> type;
        private final RecordSerde<T> singleObject;
        private final Deserializer<Object> registry;

        EitherForm(Class<T> type, Deserializer<Object> registry) {
            this.type = type;
            this.singleObject = RecordSerde.of(type);
            this.registry = registry;
        }

        @Override
        public T deserialize(String topic, byte[] bytes) {
            if (bytes == null || bytes.length == 0 || bytes[0] != RegistrySerde.MARKER) {
                return singleObject.deserialize(topic, bytes);
            }
            Object record;
            try {
                record = registry.deserialize(topic, bytes);
            } catch (RuntimeException e) {
                throw explained(e);
            }
            if (!type.isInstance(record)) {
                throw unreadable(UnreadableRecordException.Kind.UNKNOWN_SCHEMA, "written as another type");
            }
            return type.cast(record);
        }

        /** A registry that cannot be asked says nothing about the record. */
        private RuntimeException explained(RuntimeException failure) {
            for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
                if (cause instanceof IOException && !(cause instanceof java.io.EOFException)) {
                    return new RegistryException(
                            RegistryException.Kind.UNREACHABLE,
                            "the registry's client: " + cause.getClass().getSimpleName());
                }
            }
            return unreadable(
                    UnreadableRecordException.Kind.MALFORMED, failure.getClass().getSimpleName());
        }

        private UnreadableRecordException unreadable(UnreadableRecordException.Kind kind, String how) {
            return new UnreadableRecordException(
                    kind, SpecificData.get().getSchema(type).getName() + ": " + how);
        }

        @Override
        public void close() {
            registry.close();
        }
    }
}
