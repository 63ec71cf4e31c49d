package io.cloe.worker.inference;

/**
 * A number of a study that is known per window.
 *
 * @param mean mean over the windows, weighted by each window's foreground
 * @param spread standard deviation over the windows under the same weighting; 0 for one window
 */
public record Estimate(double mean, double spread) {}
