package io.cloe.worker.results;

import java.util.Locale;

/** How far long work is, in the words of every line that says so. */
public final class ProgressText {

    private static final int BAR = 20;

    private ProgressText() {}

    /** A bar such as {@code [#####...............]}; empty where nothing is to be done. */
    public static String bar(long done, long total) {
        int filled = total == 0 ? 0 : (int) Math.min(BAR, BAR * done / total);
        return "[" + "#".repeat(filled) + ".".repeat(BAR - filled) + "]";
    }

    /** A time as people say it: seconds, minutes or hours. */
    public static String duration(long seconds) {
        if (seconds < 120) {
            return seconds + " s";
        }
        return seconds < 7_200
                ? Math.round(seconds / 60.0) + " min"
                : String.format(Locale.ROOT, "%.1f h", seconds / 3_600.0);
    }
}
