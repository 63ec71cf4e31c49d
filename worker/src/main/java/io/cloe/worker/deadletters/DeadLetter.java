package io.cloe.worker.deadletters;

import io.cloe.schemas.serde.UnreadableRecordException;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;

/**
 * A record that a worker could not read. Whoever may write to the dead-letter topic can write anything into it, so what is shown of a
 * letter is only what has the form of a code, a number or a topic's name.
 *
 * @param id where it lies
 * @param at when it was written
 * @param reason a code such as {@code UNKNOWN_SCHEMA}; {@code OTHER} if the letter names none
 * @param message the codec's description in codes and numbers; empty if it is not this project's codec that failed
 * @param source the original record's place; empty if the letter does not name it
 * @param leftOutBytes size of the original if it was too large to be copied
 * @param redrivenFrom the letter that the original record itself was sent again from, if it was
 * @param key the original's, or null
 * @param value the original's, or null
 * @param headers the original's alone
 */
public record DeadLetter(
        LetterId id,
        Instant at,
        String reason,
        Optional<String> message,
        Optional<Source> source,
        OptionalLong leftOutBytes,
        Optional<LetterId> redrivenFrom,
        byte[] key,
        byte[] value,
        Headers headers) {

    /** The reason of letters that name none. */
    public static final String OTHER = "OTHER";

    private static final Pattern CODE = Pattern.compile("[A-Z][A-Z_]{0,63}");
    private static final Pattern TOPIC = Pattern.compile("[a-zA-Z0-9._-]{1,249}");
    private static final Pattern NUMBER = Pattern.compile("\\d{1,18}");
    private static final Pattern PRINTABLE = Pattern.compile("[ -~]{1,200}");

    /**
     * A record's place.
     *
     * @param topic its name
     * @param partition its partition
     * @param offset its offset
     */
    public record Source(String topic, int partition, long offset) {

        @Override
        public String toString() {
            return topic + "-" + partition + "@" + offset;
        }
    }

    /** Reads a record of the dead-letter topic; empty if it is a mark and no letter. */
    static Optional<DeadLetter> of(ConsumerRecord<byte[], byte[]> record) {
        Headers headers = record.headers();
        if (isMark(record)) {
            return Optional.empty();
        }
        Optional<String> message = error(headers, "exception")
                .filter(UnreadableRecordException.class.getName()::equals)
                .flatMap(ours -> error(headers, "message"))
                .filter(text -> PRINTABLE.matcher(text).matches());
        return Optional.of(new DeadLetter(
                new LetterId(record.partition(), record.offset()),
                Instant.ofEpochMilli(record.timestamp()),
                message.map(text -> text.split(":", 2)[0])
                        .filter(code -> CODE.matcher(code).matches())
                        .orElse(OTHER),
                message,
                source(headers),
                number(headers, "left.out.bytes"),
                LetterHeaders.letter(headers, LetterHeaders.REDRIVEN_FROM),
                record.key(),
                record.value(),
                original(headers)));
    }

    /** The letter that a mark is about; empty if the record is a letter. */
    static Optional<LetterId> marked(ConsumerRecord<byte[], byte[]> record) {
        return isMark(record) ? LetterHeaders.letter(record.headers(), LetterHeaders.REDRIVEN) : Optional.empty();
    }

    /** A letter that was made of a record with a forged mark is still a letter: it names where that record was. */
    private static boolean isMark(ConsumerRecord<byte[], byte[]> record) {
        Headers headers = record.headers();
        return headers.lastHeader(LetterHeaders.REDRIVEN) != null
                && headers.lastHeader(LetterHeaders.ERRORS + "topic") == null;
    }

    private static Optional<String> error(Headers headers, String name) {
        return LetterHeaders.text(headers, LetterHeaders.ERRORS + name);
    }

    private static OptionalLong number(Headers headers, String name) {
        return error(headers, name)
                .filter(text -> NUMBER.matcher(text).matches())
                .map(text -> OptionalLong.of(Long.parseLong(text)))
                .orElse(OptionalLong.empty());
    }

    private static Optional<Source> source(Headers headers) {
        Optional<String> topic =
                error(headers, "topic").filter(name -> TOPIC.matcher(name).matches());
        OptionalLong partition = number(headers, "partition");
        OptionalLong offset = number(headers, "offset");
        if (topic.isEmpty() || partition.isEmpty() || offset.isEmpty() || partition.getAsLong() > Integer.MAX_VALUE) {
            return Optional.empty();
        }
        return Optional.of(new Source(topic.get(), (int) partition.getAsLong(), offset.getAsLong()));
    }

    private static Headers original(Headers headers) {
        Headers original = new RecordHeaders();
        for (Header header : headers) {
            if (!header.key().startsWith(LetterHeaders.ERRORS)
                    && !header.key().equals(LetterHeaders.REDRIVEN_FROM)
                    && !header.key().equals(LetterHeaders.REDRIVEN)) {
                original.add(header);
            }
        }
        return original;
    }

    /** Length of the original's value in bytes; 0 if it has none. */
    public long valueBytes() {
        return leftOutBytes.orElse(value == null ? 0 : value.length);
    }
}
