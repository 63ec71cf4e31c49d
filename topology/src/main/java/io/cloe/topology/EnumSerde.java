package io.cloe.topology;

import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** Stores an enum constant by its name. */
final class EnumSerde {

    private EnumSerde() {}

    static <E extends Enum<E>> Serde<E> of(Class<E> type) {
        return Serdes.serdeFrom(
                (topic, constant) -> constant == null ? null : constant.name().getBytes(StandardCharsets.US_ASCII),
                (topic, bytes) ->
                        bytes == null ? null : Enum.valueOf(type, new String(bytes, StandardCharsets.US_ASCII)));
    }
}
