package io.cloe.it.bench;

import java.util.Arrays;
import java.util.Locale;

/**
 * How far repeated measurements lie apart.
 *
 * @param rounds how many there were
 */
public record Spread(int rounds, double least, double median, double most) {

    /** Of at least one measurement. */
    public static Spread of(double... measured) {
        double[] sorted = measured.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        double median = sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Spread(sorted.length, sorted[0], median, sorted[sorted.length - 1]);
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "spread: %.3f to %.3f, median %.3f, %d rounds", least, most, median, rounds);
    }
}
