package io.cloe.worker.deadletters;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where a letter lies in the dead-letter topic; written {@code PARTITION@OFFSET}.
 *
 * @param partition of the dead-letter topic
 * @param offset in it
 */
public record LetterId(int partition, long offset) {

    private static final Pattern TEXT = Pattern.compile("(\\d{1,9})@(\\d{1,18})");

    /** Reads {@code PARTITION@OFFSET}; empty if it is something else. */
    public static Optional<LetterId> parse(String text) {
        Matcher matcher = TEXT.matcher(text);
        return matcher.matches()
                ? Optional.of(new LetterId(Integer.parseInt(matcher.group(1)), Long.parseLong(matcher.group(2))))
                : Optional.empty();
    }

    @Override
    public String toString() {
        return partition + "@" + offset;
    }
}
