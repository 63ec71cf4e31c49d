package io.cloe.schemas.serde;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.generic.IndexedRecord;
import org.apache.avro.io.Encoder;
import org.apache.avro.specific.SpecificData;

/**
 * Writes records exactly as Avro's {@code SpecificDatumWriter} does, but with everything that follows from the schema decided once:
 * Avro's writer looks for conversions and union branches again for each value, and encoding is what a task does most.
 */
interface CompiledWriter {

    /** Writes a value of the schema that this was made for. */
    void write(Object datum, Encoder out) throws IOException;

    /** A writer for a schema, which must not contain itself. */
    static CompiledWriter of(Schema schema, SpecificData model) {
        return switch (schema.getType()) {
            case RECORD -> ofRecord(schema, model);
            case UNION -> ofUnion(schema, model);
            case ARRAY -> ofArray(of(schema.getElementType(), model));
            case MAP -> ofMap(of(schema.getValueType(), model));
            case ENUM -> (datum, out) -> out.writeEnum(((Enum<?>) datum).ordinal());
            case STRING -> (datum, out) -> out.writeString((String) datum);
            case BYTES -> (datum, out) -> out.writeBytes((ByteBuffer) datum);
            case INT -> (datum, out) -> out.writeInt((Integer) datum);
            case LONG -> ofLong(schema);
            case FLOAT -> (datum, out) -> out.writeFloat((Float) datum);
            case DOUBLE -> (datum, out) -> out.writeDouble((Double) datum);
            case BOOLEAN -> (datum, out) -> out.writeBoolean((Boolean) datum);
            case NULL -> (datum, out) -> out.writeNull();
            default -> throw new IllegalArgumentException("no record of ours has a field of type " + schema.getType());
        };
    }

    private static CompiledWriter ofLong(Schema schema) {
        if (schema.getLogicalType() == null) {
            return (datum, out) -> out.writeLong((Long) datum);
        }
        if (schema.getLogicalType() instanceof LogicalTypes.TimestampMillis) {
            return (datum, out) -> out.writeLong(((Instant) datum).toEpochMilli());
        }
        throw new IllegalArgumentException("no record of ours has a field of type " + schema.getLogicalType());
    }

    private static CompiledWriter ofRecord(Schema schema, SpecificData model) {
        CompiledWriter[] fields = schema.getFields().stream()
                .map(field -> of(field.schema(), model))
                .toArray(CompiledWriter[]::new);
        return (datum, out) -> {
            IndexedRecord record = (IndexedRecord) datum;
            for (int field = 0; field < fields.length; field++) {
                fields[field].write(record.get(field), out);
            }
        };
    }

    private static CompiledWriter ofUnion(Schema schema, SpecificData model) {
        List<Schema> types = schema.getTypes();
        CompiledWriter[] branches = types.stream().map(type -> of(type, model)).toArray(CompiledWriter[]::new);
        boolean optional = types.size() == 2 && types.get(0).getType() == Schema.Type.NULL;
        return (datum, out) -> {
            int branch = optional ? (datum == null ? 0 : 1) : model.resolveUnion(schema, datum);
            out.writeIndex(branch);
            branches[branch].write(datum, out);
        };
    }

    private static CompiledWriter ofArray(CompiledWriter items) {
        return (datum, out) -> {
            Collection<?> values = (Collection<?>) datum;
            out.writeArrayStart();
            out.setItemCount(values.size());
            for (Object value : values) {
                out.startItem();
                items.write(value, out);
            }
            out.writeArrayEnd();
        };
    }

    private static CompiledWriter ofMap(CompiledWriter values) {
        return (datum, out) -> {
            Map<?, ?> map = (Map<?, ?>) datum;
            out.writeMapStart();
            out.setItemCount(map.size());
            for (Map.Entry<?, ?> entry : map.entrySet()) {
                out.startItem();
                out.writeString((String) entry.getKey());
                values.write(entry.getValue(), out);
            }
            out.writeMapEnd();
        };
    }
}
