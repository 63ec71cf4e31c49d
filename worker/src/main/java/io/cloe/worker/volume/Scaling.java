package io.cloe.worker.volume;

/**
 * Stored value to intensity: {@code slope * x + inter}, computed in float64 and rounded once, as the Python reference does.
 *
 * @param slope factor
 * @param inter what is added
 */
record Scaling(double slope, double inter) {
    static final Scaling NONE = new Scaling(1, 0);

    /**
     * As a header says it.
     *
     * @throws VolumeException if the slope is in force but the intercept is no number
     */
    static Scaling of(double slope, double inter) throws VolumeException {
        if (slope == 0 || !Double.isFinite(slope)) {
            return NONE; // the standard's way to say "not scaled"; the intercept then means nothing either
        }
        if (!Double.isFinite(inter)) {
            throw VolumeException.corrupt("the scaling's intercept is not a number");
        }
        return new Scaling(slope, inter);
    }

    boolean isNone() {
        return slope == 1 && inter == 0;
    }

    float apply(double stored) {
        return (float) (slope * stored + inter);
    }
}
