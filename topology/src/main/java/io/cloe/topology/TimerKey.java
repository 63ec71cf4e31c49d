package io.cloe.topology;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;

/**
 * Key of the timers store.
 *
 * @param due when the timer is due; not before 1970
 * @param studyId whose timer it is
 */
record TimerKey(Instant due, String studyId) implements Comparable<TimerKey> {

    static Serde<TimerKey> serde() {
        Serializer<TimerKey> serializer = (topic, key) -> key == null ? null : key.toBytes();
        Deserializer<TimerKey> deserializer = (topic, bytes) -> bytes == null ? null : fromBytes(bytes);
        return Serdes.serdeFrom(serializer, deserializer);
    }

    private byte[] toBytes() {
        byte[] id = studyId.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(Long.BYTES + id.length)
                .putLong(due.toEpochMilli())
                .put(id)
                .array();
    }

    private static TimerKey fromBytes(byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        Instant due = Instant.ofEpochMilli(buffer.getLong());
        return new TimerKey(due, StandardCharsets.UTF_8.decode(buffer).toString());
    }

    /** The first one due comes first. */
    @Override
    public int compareTo(TimerKey other) {
        int byDue = due.compareTo(other.due);
        return byDue == 0 ? studyId.compareTo(other.studyId) : byDue;
    }
}
