package io.cloe.it.bench;

import java.util.Arrays;

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
        return "spread: " + Figure.text(least) + " to " + Figure.text(most) + ", median " + Figure.text(median)
                + ", rounds " + rounds;
    }
}
