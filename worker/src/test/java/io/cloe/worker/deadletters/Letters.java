package io.cloe.worker.deadletters;

import io.cloe.schemas.CommandKind;
import io.cloe.schemas.StudyCommand;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.schemas.serde.UnreadableRecordException;
import io.cloe.topology.Topics;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;

/** Records of a dead-letter topic. */
final class Letters {

    static final Topics TOPICS = Topics.withPrefix("");
    static final Instant AT = Instant.parse("2026-11-26T08:00:00Z");
    static final byte[] KEY = "study-mueller".getBytes(StandardCharsets.UTF_8);
    static final byte[] UNREADABLE = "{\"patient\": \"mueller\"}".getBytes(StandardCharsets.UTF_8);

    private Letters() {}

    static byte[] command() {
        return RecordSerde.of(StudyCommand.class)
                .serialize("", new StudyCommand("c", "study-mueller", CommandKind.HOLD, null, null, AT));
    }

    /** As the worker writes it. */
    static Headers headers(String topic, String message) {
        Headers headers = new RecordHeaders();
        add(headers, "exception", UnreadableRecordException.class.getName());
        add(headers, "message", message);
        add(headers, "topic", topic);
        add(headers, "partition", "3");
        add(headers, "offset", "17");
        return headers;
    }

    static void add(Headers headers, String name, String value) {
        headers.add(LetterHeaders.ERRORS + name, value.getBytes(StandardCharsets.UTF_8));
    }

    static ConsumerRecord<byte[], byte[]> record(long offset, byte[] key, byte[] value, Headers headers) {
        return new ConsumerRecord<>(
                TOPICS.deadLetters(),
                1,
                offset,
                AT.toEpochMilli(),
                TimestampType.CREATE_TIME,
                0,
                0,
                key,
                value,
                headers,
                Optional.empty());
    }

    static DeadLetter letter(long offset, byte[] value, Map<String, String> originalHeaders) {
        Headers headers =
                headers(TOPICS.studyCommands(), "UNKNOWN_SCHEMA: no known version of StudyCommand wrote this");
        originalHeaders.forEach((name, text) -> headers.add(name, text.getBytes(StandardCharsets.UTF_8)));
        return DeadLetter.of(record(offset, KEY, value, headers)).orElseThrow();
    }
}
