package io.cloe.worker.volume;

/**
 * A rotation as NIfTI's q-form stores it: {@code a = sqrt(1 - b*b - c*c - d*d)} is left out, and the third axis may be
 * reversed to tell a left-handed grid.
 *
 * @param b along x
 * @param c along y
 * @param d along z
 * @param reversed whether the third column of the rotation is negated ({@code pixdim[0] = -1})
 */
record Quaternion(double b, double c, double d, boolean reversed) {
    /** What three float32 numbers may be off by rounding in {@code b*b + c*c + d*d}; the same bound as nibabel's. */
    static final double FLOAT_ROUNDING = 3 * Math.ulp(1.0f);

    /** The same for float64 numbers. */
    static final double DOUBLE_ROUNDING = 3 * Math.ulp(1.0);

    /** Longer than a unit quaternion by more than this is no rounding: the header is damaged. */
    private static final double LONGEST = 1 + 1e-3;

    /** Whether these numbers stand for a rotation. */
    boolean isRotation() {
        return lengthSquared() <= LONGEST; // false for NaN
    }

    private double lengthSquared() {
        return b * b + c * c + d * d;
    }

    /**
     * The rotation as nine numbers, row by row, with the third column negated if reversed.
     *
     * @param rounding a is 0 if its square is no larger than this
     */
    double[] matrix(double rounding) {
        double aSquared = 1 - lengthSquared();
        double a = aSquared <= rounding ? 0 : Math.sqrt(aSquared);
        double scale = 2 / (a * a + lengthSquared());
        double third = reversed ? -1 : 1;
        return new double[] {
            1 - scale * (c * c + d * d),
            scale * (b * c - a * d),
            third * scale * (b * d + a * c),
            scale * (b * c + a * d),
            1 - scale * (b * b + d * d),
            third * scale * (c * d - a * b),
            scale * (b * d - a * c),
            scale * (c * d + a * b),
            third * (1 - scale * (b * b + c * c))
        };
    }

    /**
     * The quaternion of an orthogonal matrix, rounded to the float32 numbers that a NIfTI-1 header holds.
     *
     * @param matrix nine numbers, row by row; what is not orthogonal in it is lost
     */
    static Quaternion nearest(double[] matrix) {
        boolean reversed = Matrix3.determinant(matrix) < 0;
        double[] m = matrix.clone();
        if (reversed) {
            m[2] = -m[2];
            m[5] = -m[5];
            m[8] = -m[8];
        }
        // Four times the square of a, b, c and d: the largest is the safe one to divide by.
        double a4 = 1 + m[0] + m[4] + m[8];
        double b4 = 1 + m[0] - m[4] - m[8];
        double c4 = 1 - m[0] + m[4] - m[8];
        double d4 = 1 - m[0] - m[4] + m[8];
        double a;
        double b;
        double c;
        double d;
        if (a4 >= b4 && a4 >= c4 && a4 >= d4) {
            a = Math.sqrt(a4) / 2;
            b = (m[7] - m[5]) / (4 * a);
            c = (m[2] - m[6]) / (4 * a);
            d = (m[3] - m[1]) / (4 * a);
        } else if (b4 >= c4 && b4 >= d4) {
            b = Math.sqrt(b4) / 2;
            a = (m[7] - m[5]) / (4 * b);
            c = (m[3] + m[1]) / (4 * b);
            d = (m[2] + m[6]) / (4 * b);
        } else if (c4 >= d4) {
            c = Math.sqrt(c4) / 2;
            a = (m[2] - m[6]) / (4 * c);
            b = (m[3] + m[1]) / (4 * c);
            d = (m[7] + m[5]) / (4 * c);
        } else {
            d = Math.sqrt(d4) / 2;
            a = (m[3] - m[1]) / (4 * d);
            b = (m[2] + m[6]) / (4 * d);
            c = (m[7] + m[5]) / (4 * d);
        }
        double sign = a < 0 ? -1 : 1; // a quaternion and its negative are one rotation; NIfTI takes a >= 0
        return new Quaternion(rounded(sign * b), rounded(sign * c), rounded(sign * d), reversed);
    }

    private static double rounded(double value) {
        return (float) value + 0.0; // no negative zero: equal masks have equal bytes
    }
}
