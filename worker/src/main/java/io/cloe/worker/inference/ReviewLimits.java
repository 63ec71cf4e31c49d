package io.cloe.worker.inference;

/**
 * From where on a result is flagged.
 *
 * @param implausibleMillilitres foreground above this is implausible
 * @param smallRegionMillilitres a region that exists but is below this is small
 * @param dominantWeight a weight above this dominates
 * @param lowConsistency a global or regional consistency below this is low
 */
public record ReviewLimits(
        double implausibleMillilitres, double smallRegionMillilitres, double dominantWeight, double lowConsistency) {

    /** 400 ml, 0.5 ml, 0.9 and 0.5. */
    public static ReviewLimits defaults() {
        return new ReviewLimits(400, 0.5, 0.9, 0.5);
    }
}
