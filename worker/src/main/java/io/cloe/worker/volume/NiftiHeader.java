package io.cloe.worker.volume;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The part of a NIfTI header that says how to read the voxels. Text fields and extensions are never looked at: they may
 * tell who the patient is.
 *
 * @param byteOrder of header and voxels
 * @param length of the header in bytes
 * @param grid size and place of the volume
 * @param type how a voxel is stored
 * @param scaling from stored values to intensities
 * @param voxelOffset byte of the file at which the voxels start
 */
record NiftiHeader(ByteOrder byteOrder, int length, Grid grid, VoxelType type, Scaling scaling, long voxelOffset) {
    /** What must be read to tell the version. */
    static final int SIZE_FIELD = 4;

    /** Where the fields lie in each version of the format. */
    private enum Layout {
        NIFTI_1(348, 344, "n+1\0", "ni1\0", Quaternion.FLOAT_ROUNDING),
        NIFTI_2(540, 4, "n+2\0\r\n\032\n", "ni2\0\r\n\032\n", Quaternion.DOUBLE_ROUNDING);

        final int headerSize;
        final int magicOffset;
        final byte[] singleFileMagic;
        final byte[] pairMagic;
        final double quaternionRounding;

        Layout(int headerSize, int magicOffset, String singleFileMagic, String pairMagic, double quaternionRounding) {
            this.headerSize = headerSize;
            this.magicOffset = magicOffset;
            this.singleFileMagic = singleFileMagic.getBytes(StandardCharsets.US_ASCII);
            this.pairMagic = pairMagic.getBytes(StandardCharsets.US_ASCII);
            this.quaternionRounding = quaternionRounding;
        }

        /** The least offset of voxels in a single file: after the header and the four bytes that announce extensions. */
        int leastVoxelOffset() {
            return headerSize + 4;
        }
    }

    /** The numbers of a header, alike for both versions. */
    private record Fields(
            long[] dim,
            int datatype,
            double[] pixdim,
            double voxelOffset,
            double slope,
            double inter,
            int qformCode,
            int sformCode,
            double[] quaternion,
            double[] qoffset,
            double[] srow) {}

    /**
     * Length of the header that starts with these four bytes.
     *
     * @throws VolumeException if no NIfTI header starts with them
     */
    static int lengthOf(byte[] firstBytes) throws VolumeException {
        return layoutOf(firstBytes, byteOrderOf(firstBytes)).headerSize;
    }

    /**
     * Reads a header.
     *
     * @param bytes the whole header, as long as {@link #lengthOf} says
     * @throws VolumeException if the header is damaged, or describes something other than one volume of numbers
     */
    static NiftiHeader parse(byte[] bytes) throws VolumeException {
        ByteOrder order = byteOrderOf(bytes);
        Layout layout = layoutOf(bytes, order);
        checkMagic(layout, bytes);
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(order);
        Fields fields = layout == Layout.NIFTI_1 ? firstVersion(buffer) : secondVersion(buffer);
        int[] dims = spatialDims(fields.dim());
        VoxelType type = VoxelType.ofCode(fields.datatype());
        Scaling scaling = Scaling.of(fields.slope(), fields.inter());
        long voxelOffset = voxelOffset(fields.voxelOffset(), layout);
        return new NiftiHeader(order, layout.headerSize, grid(fields, dims, layout), type, scaling, voxelOffset);
    }

    private static ByteOrder byteOrderOf(byte[] bytes) {
        return bytes[0] == 0 ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
    }

    private static Layout layoutOf(byte[] bytes, ByteOrder order) throws VolumeException {
        int size = ByteBuffer.wrap(bytes).order(order).getInt(0);
        for (Layout layout : Layout.values()) {
            if (layout.headerSize == size) {
                return layout;
            }
        }
        throw VolumeException.corrupt("not a NIfTI file");
    }

    private static void checkMagic(Layout layout, byte[] bytes) throws VolumeException {
        byte[] magic =
                Arrays.copyOfRange(bytes, layout.magicOffset, layout.magicOffset + layout.singleFileMagic.length);
        if (Arrays.equals(magic, layout.singleFileMagic)) {
            return;
        }
        if (Arrays.equals(magic, layout.pairMagic)) {
            throw VolumeException.unsupported("a pair of header and image file is not supported, only single files");
        }
        if (Arrays.equals(magic, new byte[magic.length])) {
            throw VolumeException.unsupported("an Analyze 7.5 file is not supported, only NIfTI");
        }
        throw VolumeException.corrupt("the NIfTI magic is wrong");
    }

    private static Fields firstVersion(ByteBuffer header) {
        long[] dim = new long[8];
        double[] pixdim = new double[8];
        for (int i = 0; i < 8; i++) {
            dim[i] = header.getShort(40 + 2 * i);
            pixdim[i] = header.getFloat(76 + 4 * i);
        }
        return new Fields(
                dim,
                header.getShort(70),
                pixdim,
                header.getFloat(108),
                header.getFloat(112),
                header.getFloat(116),
                header.getShort(252),
                header.getShort(254),
                floats(header, 256, 3),
                floats(header, 268, 3),
                floats(header, 280, 12));
    }

    private static Fields secondVersion(ByteBuffer header) {
        long[] dim = new long[8];
        for (int i = 0; i < 8; i++) {
            dim[i] = header.getLong(16 + 8 * i);
        }
        return new Fields(
                dim,
                header.getShort(12),
                doubles(header, 104, 8),
                header.getLong(168),
                header.getDouble(176),
                header.getDouble(184),
                header.getInt(344),
                header.getInt(348),
                doubles(header, 352, 3),
                doubles(header, 376, 3),
                doubles(header, 400, 12));
    }

    private static double[] floats(ByteBuffer header, int offset, int count) {
        double[] values = new double[count];
        for (int i = 0; i < count; i++) {
            values[i] = header.getFloat(offset + 4 * i);
        }
        return values;
    }

    private static double[] doubles(ByteBuffer header, int offset, int count) {
        double[] values = new double[count];
        for (int i = 0; i < count; i++) {
            values[i] = header.getDouble(offset + 8 * i);
        }
        return values;
    }

    private static int[] spatialDims(long[] dim) throws VolumeException {
        long axes = dim[0];
        if (axes < 1 || axes > 7) {
            throw VolumeException.corrupt("the number of axes is not 1 to 7");
        }
        for (int axis = 1; axis <= axes; axis++) {
            if (dim[axis] < 1) {
                throw VolumeException.corrupt("an axis has no voxels");
            }
        }
        // A file with several volumes is refused: taking the first silently would segment something nobody asked for.
        boolean oneVolume = axes == 3 || (axes == 4 && dim[4] == 1);
        if (!oneVolume) {
            throw VolumeException.unsupported("the file does not hold exactly one three-dimensional volume");
        }
        int[] dims = new int[3];
        for (int axis = 0; axis < 3; axis++) {
            if (dim[axis + 1] > Grid.LONGEST_AXIS) {
                throw VolumeException.unsupported("an axis has more than " + Grid.LONGEST_AXIS + " voxels");
            }
            dims[axis] = (int) dim[axis + 1];
        }
        return dims;
    }

    private static long voxelOffset(double offset, Layout layout) throws VolumeException {
        // Readers disagree on what an offset inside the header means, so there is no safe way to read such a file.
        if (!(offset >= layout.leastVoxelOffset()) || offset > Long.MAX_VALUE || offset != Math.rint(offset)) {
            throw VolumeException.corrupt("the voxels' offset is not behind the header");
        }
        return (long) offset;
    }

    private static Grid grid(Fields fields, int[] dims, Layout layout) throws VolumeException {
        double[] affine;
        boolean orientationKnown = true;
        if (fields.sformCode() > 0) {
            affine = fields.srow();
        } else if (fields.qformCode() > 0) {
            affine = rotatedAffine(fields, layout);
        } else {
            affine = scalingAffine(fields);
            orientationKnown = false;
        }
        if (!Grid.describesSpace(affine)) {
            throw VolumeException.corrupt("the voxels' place in space is not described by usable numbers");
        }
        return new Grid(dims, affine, orientationKnown);
    }

    private static double[] rotatedAffine(Fields fields, Layout layout) throws VolumeException {
        double[] size = voxelSize(fields);
        boolean reversed = fields.pixdim()[0] < 0;
        var quaternion =
                new Quaternion(fields.quaternion()[0], fields.quaternion()[1], fields.quaternion()[2], reversed);
        if (!quaternion.isRotation()) {
            throw VolumeException.corrupt("the quaternion is not a rotation");
        }
        double[] rotation = quaternion.matrix(layout.quaternionRounding);
        double[] affine = new double[12];
        for (int row = 0; row < 3; row++) {
            for (int column = 0; column < 3; column++) {
                affine[4 * row + column] = rotation[3 * row + column] * size[column];
            }
            affine[4 * row + 3] = fields.qoffset()[row];
        }
        return affine;
    }

    private static double[] scalingAffine(Fields fields) throws VolumeException {
        double[] size = voxelSize(fields);
        return new double[] {size[0], 0, 0, 0, 0, size[1], 0, 0, 0, 0, size[2], 0};
    }

    private static double[] voxelSize(Fields fields) throws VolumeException {
        double[] size = Arrays.copyOfRange(fields.pixdim(), 1, 4);
        for (double edge : size) {
            if (!(edge > 0) || Double.isInfinite(edge)) {
                throw VolumeException.corrupt("a voxel's size is not positive");
            }
        }
        return size;
    }
}
