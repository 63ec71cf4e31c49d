package io.cloe.worker.cli;

import io.cloe.worker.config.DurationText;
import java.time.Duration;

/** The value of an option that is a duration, such as {@code 30s}. */
final class DurationOption {

    private DurationOption() {}

    /**
     * Reads it.
     *
     * @throws UserErrorException naming the option, the text and what is allowed
     */
    static Duration parse(String option, String text) throws UserErrorException {
        try {
            return DurationText.parse(text);
        } catch (IllegalArgumentException e) {
            throw new UserErrorException(option + " " + text + "; allowed: " + e.getMessage());
        }
    }
}
