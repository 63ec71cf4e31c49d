package io.cloe.worker.review;

import java.util.Arrays;

/**
 * Where a measure usually lies.
 *
 * @param studies how many studies it is drawn from
 * @param low 5th percentile
 * @param median 50th
 * @param high 95th
 */
public record Band(int studies, double low, double median, double high) {

    /** Of values in any order; at least one. */
    static Band of(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return new Band(sorted.length, percentile(sorted, 0.05), percentile(sorted, 0.5), percentile(sorted, 0.95));
    }

    /** Linear between the two nearest. */
    private static double percentile(double[] sorted, double part) {
        double at = part * (sorted.length - 1);
        int below = (int) at;
        int above = Math.min(below + 1, sorted.length - 1);
        return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
    }
}
