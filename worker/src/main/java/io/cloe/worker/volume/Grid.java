package io.cloe.worker.volume;

import java.util.Arrays;

/**
 * Where the voxels of a volume lie in the patient. Immutable: arrays are copied in and out.
 *
 * @param dims voxels along the storage axes i, j, k; 1 to {@value #LONGEST_AXIS} each
 * @param affine the 3x4 matrix, row by row, from storage indices to mm in world space, whose axes grow to the patient's
 *     right, front and top (RAS); finite and invertible; never holds a negative zero
 * @param orientationKnown false if the file says only how large a voxel is; the affine then merely scales
 */
public record Grid(int[] dims, double[] affine, boolean orientationKnown) {
    /** Longest axis in voxels: what a NIfTI-1 mask of the same grid can say. */
    public static final int LONGEST_AXIS = 32767;

    /** Grids whose affines differ by no more than this, number by number, are the same grid. */
    public static final double TOLERANCE_MM = 1e-3;

    /** Below this volume the parallelepiped of the three unit axis vectors is flat: two axes coincide. */
    private static final double FLAT = 1e-6;

    /** @throws IllegalArgumentException if a number is out of its range */
    public Grid {
        dims = dims.clone();
        affine = affine.clone();
        if (dims.length != 3 || Arrays.stream(dims).anyMatch(dim -> dim < 1 || dim > LONGEST_AXIS)) {
            throw new IllegalArgumentException("a grid has three axes of 1 to " + LONGEST_AXIS + " voxels");
        }
        if (!describesSpace(affine)) {
            throw new IllegalArgumentException("a grid's affine has 12 finite numbers and can be inverted");
        }
        for (int i = 0; i < affine.length; i++) {
            affine[i] += 0.0; // turns -0.0 into 0.0: files of one study differ in it
        }
    }

    /** Whether these are twelve finite numbers that map distinct voxels to distinct places. */
    static boolean describesSpace(double[] affine) {
        if (affine.length != 12 || !Arrays.stream(affine).allMatch(Double::isFinite)) {
            return false;
        }
        double[] linear = Matrix3.linearPart(affine);
        for (int column = 0; column < 3; column++) {
            double length = Matrix3.columnLength(linear, column);
            if (!(length > 0) || Double.isInfinite(length)) {
                return false;
            }
        }
        return Math.abs(Matrix3.determinant(Matrix3.withUnitColumns(linear))) > FLAT;
    }

    @Override
    public int[] dims() {
        return dims.clone();
    }

    @Override
    public double[] affine() {
        return affine.clone();
    }

    /** Voxels in all; may exceed an int. */
    public long voxels() {
        return (long) dims[0] * dims[1] * dims[2];
    }

    /** Size of a voxel in mm along the storage axes i, j, k. */
    public double[] spacingMm() {
        double[] linear = Matrix3.linearPart(affine);
        return new double[] {
            Matrix3.columnLength(linear, 0), Matrix3.columnLength(linear, 1), Matrix3.columnLength(linear, 2)
        };
    }

    /** Volume of one voxel in ml (cubic mm / 1000). */
    public double voxelVolumeMl() {
        return Math.abs(Matrix3.determinant(Matrix3.linearPart(affine))) / 1000;
    }

    /**
     * Direction in which each storage axis grows, to the nearest axis of the patient, e.g. "LPS". Where the orientation
     * is not known this is "RAS", the NIfTI standard's reading of a file that says only how large a voxel is.
     */
    public String orientation() {
        return nearestOrientation().letters();
    }

    Orientation nearestOrientation() {
        return Orientation.nearest(affine);
    }

    /** Whether both have the same dims, and affines that differ by at most {@link #TOLERANCE_MM} in every number. */
    public boolean matches(Grid other) {
        if (!Arrays.equals(dims, other.dims)) {
            return false;
        }
        for (int i = 0; i < affine.length; i++) {
            if (Math.abs(affine[i] - other.affine[i]) > TOLERANCE_MM) {
                return false;
            }
        }
        return true;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Grid grid
                && Arrays.equals(dims, grid.dims)
                && Arrays.equals(affine, grid.affine)
                && orientationKnown == grid.orientationKnown;
    }

    @Override
    public int hashCode() {
        return 31 * (31 * Arrays.hashCode(dims) + Arrays.hashCode(affine)) + Boolean.hashCode(orientationKnown);
    }

    @Override
    public String toString() {
        return "Grid[dims=" + Arrays.toString(dims) + ", affine=" + Arrays.toString(affine) + ", orientationKnown="
                + orientationKnown + "]";
    }
}
