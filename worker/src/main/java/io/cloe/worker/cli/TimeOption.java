package io.cloe.worker.cli;

import io.cloe.worker.config.DurationText;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Optional;

/** The value of an option that is a time, such as {@code 2026-11-26T08:00:00Z}, or an age, such as {@code 2h}. */
final class TimeOption {

    private TimeOption() {}

    /**
     * Reads it.
     *
     * @throws UserErrorException naming the option, the text and what is allowed
     */
    static Instant parse(String option, String text, Instant now) throws UserErrorException {
        try {
            return Instant.parse(text);
        } catch (DateTimeParseException noTime) {
            try {
                return now.minus(DurationText.parse(text));
            } catch (IllegalArgumentException e) {
                throw new UserErrorException(
                        option + " " + text + "; allowed: a time such as 2026-11-26T08:00:00Z, or an age such as 2h");
            }
        }
    }

    /** As {@link #parse}, of an option that may be left out. */
    static Optional<Instant> parseIfGiven(String option, String text, Instant now) throws UserErrorException {
        return text == null ? Optional.empty() : Optional.of(parse(option, text, now));
    }
}
