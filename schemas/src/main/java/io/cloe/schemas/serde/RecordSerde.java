package io.cloe.schemas.serde;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DatumWriter;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.message.BinaryMessageDecoder;
import org.apache.avro.message.MissingSchemaException;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serializer;

/**
 * Writes and reads one record type in Avro's single-object encoding: {@code C3 01}, the schema's 8-byte fingerprint, the body.
 *
 * <p>Safe for use by several threads. {@code null} stays {@code null} (a tombstone).
 *
 * @param <T> the generated record type
 */
public final class RecordSerde<T extends SpecificRecord> implements Serde<T>, Serializer<T>, Deserializer<T> {

    private static final byte SINGLE_OBJECT_MARKER = (byte) 0xC3;
    private static final byte SINGLE_OBJECT_VERSION = 0x01;
    private static final byte REGISTRY_MARKER = 0x00;
    private static final ThreadLocal<Output> OUTPUTS = ThreadLocal.withInitial(Output::new);

    static {
        AvroSafety.apply();
    }

    private final String recordName;
    private final byte[] header;
    private final DatumWriter<T> writer;
    private final BinaryMessageDecoder<T> decoder;

    private RecordSerde(Class<T> type) {
        SpecificData model = SpecificData.getForClass(type);
        Schema schema = model.getSchema(type);
        this.recordName = schema.getName();
        this.header = header(schema);
        this.writer = new SpecificDatumWriter<>(schema, model);
        this.decoder = new BinaryMessageDecoder<>(model, schema, KnownSchemas.storeFor(schema));
    }

    private static byte[] header(Schema schema) {
        return ByteBuffer.allocate(2 + Long.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put(SINGLE_OBJECT_MARKER)
                .put(SINGLE_OBJECT_VERSION)
                .putLong(SchemaNormalization.parsingFingerprint64(schema))
                .array();
    }

    /** A serde for the given generated record class. */
    public static <T extends SpecificRecord> RecordSerde<T> of(Class<T> type) {
        return new RecordSerde<>(type);
    }

    @Override
    public byte[] serialize(String topic, T record) {
        if (record == null) {
            return null;
        }
        // Not Avro's BinaryMessageEncoder, which writes to the stream byte by byte: this is the hottest path of a task.
        Output output = OUTPUTS.get();
        try {
            BinaryEncoder encoder = output.start();
            encoder.writeFixed(header);
            writer.write(record, encoder);
            encoder.flush();
        } catch (IOException e) {
            throw new UncheckedIOException("writing to memory cannot fail", e);
        }
        return output.bytes.toByteArray();
    }

    /** What a thread encodes into, record after record. */
    private static final class Output {

        private static final int USUAL = 4 << 10;
        private static final int LARGEST_KEPT = 64 << 10;

        private ByteArrayOutputStream bytes = new ByteArrayOutputStream(USUAL);
        private BinaryEncoder encoder;

        BinaryEncoder start() {
            if (bytes.size() > LARGEST_KEPT) {
                bytes = new ByteArrayOutputStream(USUAL);
            }
            encoder = EncoderFactory.get().binaryEncoder(bytes, encoder);
            // The former record; and, of one that could not be written, what the encoder has just passed on.
            bytes.reset();
            return encoder;
        }
    }

    /**
     * Reads a record.
     *
     * @throws UnreadableRecordException when the bytes are not a record of this type
     */
    @Override
    public T deserialize(String topic, byte[] bytes) {
        if (bytes == null) {
            return null;
        }
        requireSingleObject(bytes);
        ByteArrayInputStream body = new ByteArrayInputStream(bytes);
        T record;
        try {
            record = decoder.decode(body);
        } catch (MissingSchemaException e) {
            throw new UnreadableRecordException(
                    UnreadableRecordException.Kind.UNKNOWN_SCHEMA, "no known version of " + recordName + " wrote this");
        } catch (IOException | AvroRuntimeException | IndexOutOfBoundsException | UnsupportedOperationException e) {
            throw malformed(e.getClass().getSimpleName());
        }
        if (body.available() > 0) {
            throw malformed(body.available() + " bytes too many");
        }
        return record;
    }

    private void requireSingleObject(byte[] bytes) {
        byte first = bytes.length == 0 ? 1 : bytes[0];
        if (first == REGISTRY_MARKER) {
            throw new UnreadableRecordException(
                    UnreadableRecordException.Kind.REGISTRY_NOT_CONFIGURED,
                    recordName + " in a schema registry's wire form");
        }
        if (first != SINGLE_OBJECT_MARKER) {
            throw new UnreadableRecordException(
                    UnreadableRecordException.Kind.UNKNOWN_WIRE_FORM,
                    recordName + " expected, " + bytes.length + " bytes found that start otherwise");
        }
    }

    private UnreadableRecordException malformed(String how) {
        return new UnreadableRecordException(UnreadableRecordException.Kind.MALFORMED, recordName + ": " + how);
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
    public void configure(java.util.Map<String, ?> settings, boolean isKey) {
        // Nothing to configure: the schemas are compiled in.
    }

    @Override
    public void close() {
        // Holds no resources.
    }
}
