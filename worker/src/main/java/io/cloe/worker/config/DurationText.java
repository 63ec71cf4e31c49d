package io.cloe.worker.config;

import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.StringJoiner;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Durations as people write them: {@code 500ms}, {@code 5s}, {@code 15m}, {@code 2h}, {@code 30d}. */
public final class DurationText {

    private static final Pattern FORM = Pattern.compile("(\\d{1,9})\\s*(ms|s|m|h|d)");
    private static final Map<String, ChronoUnit> UNITS = Map.of(
            "ms", ChronoUnit.MILLIS,
            "s", ChronoUnit.SECONDS,
            "m", ChronoUnit.MINUTES,
            "h", ChronoUnit.HOURS,
            "d", ChronoUnit.DAYS);
    private static final Duration LONGEST = Duration.ofDays(36_500);
    static final String ALLOWED = "a positive number with a unit: ms, s, m, h or d, such as 15m; at most 36500d";

    private DurationText() {}

    /**
     * Reads a duration.
     *
     * @throws IllegalArgumentException for any other text, for zero, and for more than a hundred years
     */
    public static Duration parse(String text) {
        Matcher matcher = FORM.matcher(text.strip());
        if (!matcher.matches()) {
            throw new IllegalArgumentException(ALLOWED);
        }
        Duration duration = Duration.of(Long.parseLong(matcher.group(1)), UNITS.get(matcher.group(2)));
        if (duration.isZero() || duration.compareTo(LONGEST) > 0) {
            throw new IllegalArgumentException(ALLOWED);
        }
        return duration;
    }

    /** A duration as people say it, such as {@code 1h 30m}; milliseconds only below a second. */
    public static String of(Duration duration) {
        if (duration.toSeconds() == 0) {
            return duration.toMillis() + "ms";
        }
        long[] parts = {
            duration.toDaysPart(), duration.toHoursPart(), duration.toMinutesPart(), duration.toSecondsPart()
        };
        String[] units = {"d", "h", "m", "s"};
        StringJoiner text = new StringJoiner(" ");
        for (int i = 0; i < parts.length; i++) {
            if (parts[i] > 0) {
                text.add(parts[i] + units[i]);
            }
        }
        return text.toString();
    }
}
