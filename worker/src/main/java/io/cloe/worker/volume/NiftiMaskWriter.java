package io.cloe.worker.volume;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.GZIPOutputStream;

/**
 * Writes a label volume as a gzip NIfTI-1 file that lies exactly over the study's volumes.
 *
 * <p>Nothing but geometry comes from the study: no description, no names, no extensions. Equal labels on an equal grid
 * give equal bytes: there is no time, no file name and no host in the file. (The compressed part is made by the Java
 * runtime's zlib, so bytes are equal between workers that run the same Java image.)
 */
public final class NiftiMaskWriter {
    private static final int HEADER_BYTES = 348;
    private static final int VOXEL_OFFSET = 352;
    private static final short INTENT_NONE = 0;
    private static final short INTENT_LABEL = 1002;
    private static final short SCANNER_COORDINATES = 1;
    private static final byte UNITS_MM = 2;
    private static final int BUFFER_BYTES = 1 << 16;

    private NiftiMaskWriter() {}

    /**
     * Makes the file.
     *
     * <p>The orientation is written as s-form and as q-form, for readers differ in which one they take. The q-form is left
     * out (code 0) where its float32 quaternion cannot say the same within {@link Grid#TOLERANCE_MM}: on sheared grids, and
     * on some turned by almost exactly half a circle. Both are left out if the study's own files do not say how they lie.
     *
     * @param labels one unsigned label per voxel of the grid, storage order, i fastest
     * @param grid where the voxels lie
     * @throws IllegalArgumentException if there is not one label per voxel
     */
    public static MaskFile write(byte[] labels, Grid grid) {
        if (labels.length != grid.voxels()) {
            throw new IllegalArgumentException(
                    "the grid has " + grid.voxels() + " voxels, there are " + labels.length + " labels");
        }
        byte[] bytes = file(labels, grid, INTENT_LABEL);
        return new MaskFile(bytes, Sha256.of(bytes));
    }

    /** Makes a file of grey levels instead of labels. */
    static byte[] image(byte[] levels, Grid grid) {
        return file(levels, grid, INTENT_NONE);
    }

    private static byte[] file(byte[] voxels, Grid grid, short intent) {
        var file = new ByteArrayOutputStream(BUFFER_BYTES);
        // Since Java 16 the gzip header is constant: time 0, no name, operating system "unknown"; a test watches it.
        try (var gzip = new GZIPOutputStream(file, BUFFER_BYTES)) {
            gzip.write(header(grid, intent));
            gzip.write(voxels);
        } catch (IOException e) {
            throw new UncheckedIOException("writing to memory failed", e);
        }
        return file.toByteArray();
    }

    private static byte[] header(Grid grid, short intent) {
        ByteBuffer header = ByteBuffer.allocate(VOXEL_OFFSET).order(ByteOrder.LITTLE_ENDIAN);
        header.putInt(0, HEADER_BYTES);
        putDims(header, grid.dims());
        header.putShort(68, intent);
        header.putShort(70, (short) VoxelType.UINT8.code());
        header.putShort(72, (short) Byte.SIZE);
        header.putFloat(108, VOXEL_OFFSET);
        header.putFloat(112, 1); // slope; the intercept stays 0
        header.put(123, UNITS_MM);
        putPlace(header, grid);
        header.put(344, (byte) 'n').put(345, (byte) '+').put(346, (byte) '1');
        return header.array();
    }

    private static void putDims(ByteBuffer header, int[] dims) {
        header.putShort(40, (short) 3);
        for (int axis = 1; axis <= 7; axis++) {
            header.putShort(40 + 2 * axis, (short) (axis <= 3 ? dims[axis - 1] : 1));
        }
    }

    private static void putPlace(ByteBuffer header, Grid grid) {
        double[] affine = grid.affine();
        double[] spacing = grid.spacingMm();
        double[] rotation = Matrix3.withUnitColumns(Matrix3.linearPart(affine));
        Quaternion quaternion = Quaternion.nearest(rotation);
        header.putFloat(76, quaternion.reversed() ? -1 : 1);
        for (int axis = 0; axis < 7; axis++) {
            header.putFloat(80 + 4 * axis, axis < 3 ? (float) spacing[axis] : 1);
        }
        if (!grid.orientationKnown()) {
            return;
        }
        if (describes(quaternion, rotation, spacing)) {
            header.putShort(252, SCANNER_COORDINATES);
            header.putFloat(256, (float) quaternion.b());
            header.putFloat(260, (float) quaternion.c());
            header.putFloat(264, (float) quaternion.d());
            for (int row = 0; row < 3; row++) {
                header.putFloat(268 + 4 * row, (float) affine[4 * row + 3]);
            }
        }
        header.putShort(254, SCANNER_COORDINATES);
        for (int i = 0; i < 12; i++) {
            header.putFloat(280 + 4 * i, (float) affine[i]);
        }
    }

    /** Whether a reader of the q-form alone would find the same grid. */
    private static boolean describes(Quaternion quaternion, double[] rotation, double[] spacing) {
        double[] told = quaternion.matrix(Quaternion.FLOAT_ROUNDING);
        for (int row = 0; row < 3; row++) {
            for (int column = 0; column < 3; column++) {
                int i = 3 * row + column;
                if (Math.abs(told[i] - rotation[i]) * spacing[column] > Grid.TOLERANCE_MM) {
                    return false;
                }
            }
        }
        return true;
    }
}
