package io.cloe.worker.deadletters;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.worker.deadletters.Readability.Verdict;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;

/**
 * A letter for people and programs. Neither the record's key nor its value nor its headers are shown, since a study's id, a path or a
 * patient's name may be in any of them: only where it is, how long its parts are and what is wrong.
 */
public final class LetterView {

    /** Marker, version and fingerprint of Avro's single-object encoding. */
    private static final int SINGLE_OBJECT_HEADER = 10;

    private static final int REGISTRY_HEADER = 5;
    private static final String ROW = "%-14s %-20s %-26s %-34s %9s %s%n";

    private LetterView() {}

    /** The line above {@link #row}. */
    public static String header() {
        return String.format(Locale.ROOT, ROW, "LETTER", "AT", "REASON", "RECORD", "BYTES", "NOW");
    }

    /**
     * One line.
     *
     * @param redriven whether its record was sent again
     */
    public static String row(DeadLetter letter, Verdict verdict, boolean redriven) {
        return String.format(
                Locale.ROOT,
                ROW,
                letter.id(),
                letter.at().toString().replaceFirst("\\.\\d+Z$", "Z"),
                letter.reason(),
                letter.source().map(Object::toString).orElse("unknown"),
                letter.valueBytes(),
                redriven ? "sent again" : words(verdict));
    }

    /** All that is shown of a letter, a line each. */
    public static List<String> lines(DeadLetter letter, Verdict verdict, boolean redriven) {
        List<String> lines = new ArrayList<>();
        lines.add("letter     " + letter.id() + ", written at " + letter.at());
        lines.add("reason     " + letter.reason());
        letter.message().ifPresent(message -> lines.add("message    " + message));
        lines.add("record     " + letter.source().map(Object::toString).orElse("unknown"));
        lines.add("key        " + (letter.key() == null ? "none" : letter.key().length + " bytes"));
        lines.add("value      " + value(letter));
        lines.add("headers    " + letter.headers().toArray().length);
        letter.redrivenFrom().ifPresent(former -> lines.add("sent from  letter " + former + ", and failed again"));
        lines.add("now        " + (redriven ? "was sent again" : words(verdict)));
        return lines;
    }

    private static String value(DeadLetter letter) {
        if (letter.leftOutBytes().isPresent()) {
            return "left out, with its key and headers " + letter.leftOutBytes().getAsLong() + " bytes";
        }
        if (letter.value() == null) {
            return "none";
        }
        return letter.value().length + " bytes, " + form(letter.value());
    }

    /** How the value was written, by the bytes that carry no content. */
    private static String form(byte[] value) {
        if (value.length >= SINGLE_OBJECT_HEADER && value[0] == (byte) 0xC3 && value[1] == 1) {
            return "Avro single-object encoding, schema fingerprint "
                    + HexFormat.of().formatHex(value, 2, SINGLE_OBJECT_HEADER);
        }
        if (value.length >= REGISTRY_HEADER && value[0] == 0) {
            return "schema registry's wire form or none";
        }
        return "no known wire form";
    }

    private static String words(Verdict verdict) {
        return switch (verdict) {
            case READABLE -> "readable";
            case UNREADABLE -> "unreadable";
            case LEFT_OUT -> "no copy";
            case NOT_AN_INPUT -> "not of an input topic";
        };
    }

    /** The same as a JSON object. */
    public static ObjectNode json(DeadLetter letter, Verdict verdict, boolean redriven) {
        ObjectNode object = JsonNodeFactory.instance.objectNode();
        object.put("letter", letter.id().toString())
                .put("at", letter.at().toString())
                .put("reason", letter.reason())
                .put("message", letter.message().orElse(null));
        letter.source()
                .ifPresentOrElse(
                        source -> object.putObject("record")
                                .put("topic", source.topic())
                                .put("partition", source.partition())
                                .put("offset", source.offset()),
                        () -> object.putNull("record"));
        object.put("keyBytes", letter.key() == null ? null : letter.key().length)
                .put("valueBytes", letter.valueBytes())
                .put("headers", letter.headers().toArray().length)
                .put(
                        "redrivenFrom",
                        letter.redrivenFrom().map(LetterId::toString).orElse(null))
                .put("redriven", redriven)
                .put("now", verdict.name());
        return object;
    }
}
