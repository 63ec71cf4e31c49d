package io.cloe.worker.deadletters;

import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;

/** The headers by which letters, records sent again and the marks about that tell of each other. */
final class LetterHeaders {

    /** Kafka Streams' own, of which its error handlers write {@code exception}, {@code message}, {@code topic} and so on. */
    static final String ERRORS = "__streams.errors.";

    /** On a record that was sent again: the letter it was sent from. */
    static final String REDRIVEN_FROM = "cloe.redriven.from";

    /** On a mark in the dead-letter topic, which is no letter: the letter that was sent again. */
    static final String REDRIVEN = "cloe.redriven";

    private LetterHeaders() {}

    static Optional<String> text(Headers headers, String name) {
        Header header = headers.lastHeader(name);
        return header == null || header.value() == null
                ? Optional.empty()
                : Optional.of(new String(header.value(), StandardCharsets.UTF_8));
    }

    static Optional<LetterId> letter(Headers headers, String name) {
        return text(headers, name).flatMap(LetterId::parse);
    }

    static void put(Headers headers, String name, LetterId letter) {
        headers.add(name, letter.toString().getBytes(StandardCharsets.UTF_8));
    }
}
