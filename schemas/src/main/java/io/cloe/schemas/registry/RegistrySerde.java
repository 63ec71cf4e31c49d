package io.cloe.schemas.registry;

import io.cloe.schemas.serde.RecordSerde;
import io.cloe.schemas.serde.UnreadableRecordException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DatumReader;
import org.apache.avro.io.DatumWriter;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serializer;

/** Writes the registry's form; reads it and Avro's single-object encoding. For any number of threads. */
final class RegistrySerde<T extends SpecificRecord> implements Serde<T>, Serializer<T>, Deserializer<T> {

    static final byte MARKER = 0x00;
    private static final int HEADER_BYTES = 1 + Integer.BYTES;

    private final RegistryFormat registry;
    private final RecordSerde<T> singleObject;
    private final SpecificData model;
    private final Schema schema;
    private final DatumWriter<T> writer;
    private final Map<Integer, DatumReader<T>> readers = new ConcurrentHashMap<>();

    RegistrySerde(Class<T> type, RegistryFormat registry) {
        this.registry = registry;
        this.singleObject = RecordSerde.of(type);
        this.model = SpecificData.getForClass(type);
        this.schema = model.getSchema(type);
        this.writer = new SpecificDatumWriter<>(schema, model);
    }

    @Override
    public byte[] serialize(String topic, T record) {
        if (record == null) {
            return null;
        }
        int id = registry.id(topic, schema);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(1_024);
        BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(bytes, null);
        try {
            encoder.writeFixed(
                    ByteBuffer.allocate(HEADER_BYTES).put(MARKER).putInt(id).array());
            writer.write(record, encoder);
            encoder.flush();
        } catch (IOException e) {
            throw new UncheckedIOException("writing to memory cannot fail", e);
        }
        return bytes.toByteArray();
    }

    /**
     * Reads a record of either form.
     *
     * @throws UnreadableRecordException when the bytes are not a record of this type
     * @throws RegistryException when the registry has to be asked and does not answer
     */
    @Override
    public T deserialize(String topic, byte[] bytes) {
        if (bytes == null || bytes.length == 0 || bytes[0] != MARKER) {
            return singleObject.deserialize(topic, bytes);
        }
        if (bytes.length < HEADER_BYTES) {
            throw unreadable(UnreadableRecordException.Kind.MALFORMED, "a registry's form without a schema id");
        }
        int id = ByteBuffer.wrap(bytes).getInt(1);
        DatumReader<T> reader = readers.computeIfAbsent(id, this::reader);
        BinaryDecoder decoder =
                DecoderFactory.get().binaryDecoder(bytes, HEADER_BYTES, bytes.length - HEADER_BYTES, null);
        try {
            T record = reader.read(null, decoder);
            if (!decoder.isEnd()) {
                throw unreadable(UnreadableRecordException.Kind.MALFORMED, "bytes too many");
            }
            return record;
        } catch (IOException | AvroRuntimeException | IndexOutOfBoundsException | UnsupportedOperationException e) {
            throw unreadable(
                    UnreadableRecordException.Kind.MALFORMED, e.getClass().getSimpleName());
        }
    }

    private DatumReader<T> reader(int id) {
        Schema written;
        try {
            written = registry.schema(id);
        } catch (RegistryException e) {
            if (e.kind() == RegistryException.Kind.NOT_FOUND || e.kind() == RegistryException.Kind.INCOMPATIBLE) {
                throw unreadable(UnreadableRecordException.Kind.UNKNOWN_SCHEMA, "the registry knows no such schema");
            }
            throw e;
        }
        if (written.getType() != Schema.Type.RECORD || !written.getFullName().equals(schema.getFullName())) {
            throw unreadable(UnreadableRecordException.Kind.UNKNOWN_SCHEMA, "written as another type");
        }
        return new SpecificDatumReader<>(written, schema, model);
    }

    private UnreadableRecordException unreadable(UnreadableRecordException.Kind kind, String how) {
        return new UnreadableRecordException(kind, schema.getName() + ": " + how);
    }

    @Override
    public Serializer<T> serializer() {
        return this;
    }

    @Override
    public Deserializer<T> deserializer() {
        return this;
    }

    @Override
    public void configure(Map<String, ?> settings, boolean isKey) {
        // Configured by its format.
    }

    @Override
    public void close() {
        // Holds no resources of its own.
    }
}
