package io.cloe.it.bench;

import java.text.DecimalFormat;
import java.text.DecimalFormatSymbols;
import java.util.Locale;

/**
 * What a benchmark comes to.
 *
 * @param name the benchmark's
 * @param value what was measured
 * @param unit of the value and the target; one word
 * @param target what was to be reached
 * @param met whether it was
 */
public record Figure(String name, double value, String unit, double target, boolean met) {

    /** A figure that must not be smaller than its target. */
    public static Figure atLeast(String name, double value, String unit, double target) {
        return new Figure(name, value, unit, target, value >= target);
    }

    /** A figure that must not be larger than its target. */
    public static Figure atMost(String name, double value, String unit, double target) {
        return new Figure(name, value, unit, target, value <= target);
    }

    /** The line that a run ends with. */
    public String line() {
        return String.join(" ", name, text(value), unit, "target", text(target), met ? "met" : "missed");
    }

    static String text(double number) {
        return new DecimalFormat("0.###", DecimalFormatSymbols.getInstance(Locale.ROOT)).format(number);
    }
}
