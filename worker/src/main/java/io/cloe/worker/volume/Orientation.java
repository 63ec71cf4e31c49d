package io.cloe.worker.volume;

import java.util.Arrays;

/**
 * Which way each storage axis grows: three letters, one of R/L, A/P and S/I each, such as LPS.
 *
 * @param worldAxes per storage axis the world axis it runs along: 0 left-right, 1 back-front, 2 down-up
 * @param ascending per storage axis whether it grows towards R, A or S
 */
record Orientation(int[] worldAxes, boolean[] ascending) {
    private static final String ASCENDING_LETTERS = "RAS";
    private static final String DESCENDING_LETTERS = "LPI";

    Orientation {
        worldAxes = worldAxes.clone();
        ascending = ascending.clone();
        int[] sorted = worldAxes.clone();
        Arrays.sort(sorted);
        if (!Arrays.equals(sorted, new int[] {0, 1, 2}) || ascending.length != 3) {
            throw new IllegalArgumentException("an orientation names each world axis once");
        }
    }

    /**
     * Reads three letters.
     *
     * @throws IllegalArgumentException if the text is anything else
     */
    static Orientation parse(String letters) {
        if (letters.length() != 3) {
            throw new IllegalArgumentException("an orientation has three letters, such as LPS");
        }
        int[] worldAxes = new int[3];
        boolean[] ascending = new boolean[3];
        for (int axis = 0; axis < 3; axis++) {
            char letter = letters.charAt(axis);
            ascending[axis] = ASCENDING_LETTERS.indexOf(letter) >= 0;
            worldAxes[axis] = (ascending[axis] ? ASCENDING_LETTERS : DESCENDING_LETTERS).indexOf(letter);
            if (worldAxes[axis] < 0) {
                throw new IllegalArgumentException("an orientation consists of R or L, A or P, S or I");
            }
        }
        return new Orientation(worldAxes, ascending);
    }

    /**
     * The orientation nearest to an affine. The storage axis with the clearest direction chooses its world axis first,
     * so that no world axis is taken twice.
     */
    static Orientation nearest(double[] affine) {
        double[] rotation = Matrix3.nearestOrthogonal(Matrix3.withUnitColumns(Matrix3.linearPart(affine)));
        int[] worldAxes = new int[3];
        boolean[] ascending = new boolean[3];
        boolean[] taken = new boolean[3];
        for (int storageAxis : clearestFirst(rotation)) {
            int best = -1;
            for (int worldAxis = 0; worldAxis < 3; worldAxis++) {
                if (!taken[worldAxis]
                        && (best < 0
                                || Math.abs(rotation[3 * worldAxis + storageAxis])
                                        > Math.abs(rotation[3 * best + storageAxis]))) {
                    best = worldAxis;
                }
            }
            taken[best] = true;
            worldAxes[storageAxis] = best;
            ascending[storageAxis] = rotation[3 * best + storageAxis] >= 0;
        }
        return new Orientation(worldAxes, ascending);
    }

    private static int[] clearestFirst(double[] rotation) {
        Integer[] axes = {0, 1, 2};
        Arrays.sort(axes, (a, b) -> Double.compare(clarity(rotation, b), clarity(rotation, a)));
        return new int[] {axes[0], axes[1], axes[2]};
    }

    private static double clarity(double[] rotation, int storageAxis) {
        double most = 0;
        for (int worldAxis = 0; worldAxis < 3; worldAxis++) {
            double cosine = rotation[3 * worldAxis + storageAxis];
            most = Math.max(most, cosine * cosine);
        }
        return most;
    }

    /** The storage axis that runs along a world axis. */
    int storageAxisAlong(int worldAxis) {
        for (int axis = 0; axis < 3; axis++) {
            if (worldAxes[axis] == worldAxis) {
                return axis;
            }
        }
        throw new IllegalArgumentException("no such world axis: " + worldAxis);
    }

    String letters() {
        var letters = new StringBuilder(3);
        for (int axis = 0; axis < 3; axis++) {
            letters.append((ascending[axis] ? ASCENDING_LETTERS : DESCENDING_LETTERS).charAt(worldAxes[axis]));
        }
        return letters.toString();
    }
}
