package io.cloe.worker.volume;

/** Arithmetic on 3x3 matrices given as nine numbers, row by row. */
final class Matrix3 {
    private static final int MOST_POLAR_STEPS = 100;
    private static final double POLAR_PRECISION = 1e-14;

    private Matrix3() {}

    /** The linear part of a 3x4 affine. */
    static double[] linearPart(double[] affine) {
        return new double[] {
            affine[0], affine[1], affine[2], affine[4], affine[5], affine[6], affine[8], affine[9], affine[10]
        };
    }

    static double columnLength(double[] matrix, int column) {
        double x = matrix[column];
        double y = matrix[3 + column];
        double z = matrix[6 + column];
        return Math.sqrt(x * x + y * y + z * z);
    }

    /** The matrix with each column divided by its length. No column may be zero. */
    static double[] withUnitColumns(double[] matrix) {
        double[] unit = new double[9];
        for (int column = 0; column < 3; column++) {
            double length = columnLength(matrix, column);
            for (int row = 0; row < 3; row++) {
                unit[3 * row + column] = matrix[3 * row + column] / length;
            }
        }
        return unit;
    }

    static double determinant(double[] m) {
        return m[0] * (m[4] * m[8] - m[5] * m[7])
                - m[1] * (m[3] * m[8] - m[5] * m[6])
                + m[2] * (m[3] * m[7] - m[4] * m[6]);
    }

    /**
     * The orthogonal matrix nearest to an invertible one (its polar factor), so that shear does not sway which axis is
     * nearest: the same choice as nibabel's, which the Python reference uses. Newton's iteration, quadratic convergence.
     */
    static double[] nearestOrthogonal(double[] matrix) {
        double[] current = matrix.clone();
        for (int step = 0; step < MOST_POLAR_STEPS; step++) {
            double[] inverseTransposed = inverseTransposed(current);
            double change = 0;
            for (int i = 0; i < 9; i++) {
                double next = (current[i] + inverseTransposed[i]) / 2;
                change = Math.max(change, Math.abs(next - current[i]));
                current[i] = next;
            }
            if (change < POLAR_PRECISION) {
                break;
            }
        }
        return current;
    }

    private static double[] inverseTransposed(double[] m) {
        double determinant = determinant(m);
        return new double[] {
            (m[4] * m[8] - m[5] * m[7]) / determinant,
            (m[5] * m[6] - m[3] * m[8]) / determinant,
            (m[3] * m[7] - m[4] * m[6]) / determinant,
            (m[2] * m[7] - m[1] * m[8]) / determinant,
            (m[0] * m[8] - m[2] * m[6]) / determinant,
            (m[1] * m[6] - m[0] * m[7]) / determinant,
            (m[1] * m[5] - m[2] * m[4]) / determinant,
            (m[2] * m[3] - m[0] * m[5]) / determinant,
            (m[0] * m[4] - m[1] * m[3]) / determinant
        };
    }
}
