package io.cloe.worker.volume;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.zip.GZIPOutputStream;

/**
 * An independent NIfTI writer for tests: byte by byte, sharing nothing with the code under test. Defaults: a NIfTI-1,
 * little-endian, int16, 5x4x3 file with the s-form {@link #AFFINE} and no q-form.
 */
public final class NiftiBytes {
    public static final double[] AFFINE = {-1.5, 0, 0, 10, 0, -2, 0, 20, 0, 0, 2.5, -30};

    int version = 1;
    boolean bigEndian;
    long[] dim = {3, 5, 4, 3, 1, 1, 1, 1};
    int datatype = 4;
    int bitpix = 16;
    double[] pixdim = {1, 1.5, 2, 2.5, 1, 1, 1, 1};
    double slope = 1;
    double inter;
    int qformCode;
    int sformCode = 1;
    double[] quaternion = new double[3];
    double[] qoffset = new double[3];
    double[] srow = AFFINE.clone();
    String magic;
    byte[] extension = new byte[0];
    Double voxelOffset;
    byte[] rawVoxels;
    byte[] trailing = new byte[0];
    String description = "";

    public static NiftiBytes standard() {
        return new NiftiBytes();
    }

    public NiftiBytes dims(int... dims) {
        dim = new long[] {3, dims[0], dims[1], dims[2], 1, 1, 1, 1};
        return this;
    }

    public NiftiBytes type(int code, int bits) {
        datatype = code;
        bitpix = bits;
        return this;
    }

    /** Rows of the s-form. */
    public NiftiBytes affine(double... rows) {
        srow = rows.clone();
        return this;
    }

    /** The header's free text. */
    public NiftiBytes description(String text) {
        description = text;
        return this;
    }

    /** Stores integers, two's complement, in as many bytes as the type has. */
    NiftiBytes integers(long... values) {
        var out = new ByteArrayOutputStream();
        for (long value : values) {
            put(out, value, bitpix / 8);
        }
        rawVoxels = out.toByteArray();
        return this;
    }

    public NiftiBytes floats(float... values) {
        var out = new ByteArrayOutputStream();
        for (float value : values) {
            put(out, Float.floatToRawIntBits(value), 4);
        }
        rawVoxels = out.toByteArray();
        return this;
    }

    NiftiBytes doubles(double... values) {
        var out = new ByteArrayOutputStream();
        for (double value : values) {
            put(out, Double.doubleToRawLongBits(value), 8);
        }
        rawVoxels = out.toByteArray();
        return this;
    }

    public byte[] bytes() {
        byte[] header = new byte[version == 1 ? 348 : 540];
        if (version == 1) {
            set(header, 0, 348, 4);
            for (int i = 0; i < 8; i++) {
                set(header, 40 + 2 * i, dim[i], 2);
                setFloat(header, 76 + 4 * i, pixdim[i]);
            }
            set(header, 70, datatype, 2);
            set(header, 72, bitpix, 2);
            setFloat(header, 108, offset());
            setFloat(header, 112, slope);
            setFloat(header, 116, inter);
            text(header, 148, description);
            set(header, 252, qformCode, 2);
            set(header, 254, sformCode, 2);
            for (int i = 0; i < 3; i++) {
                setFloat(header, 256 + 4 * i, quaternion[i]);
                setFloat(header, 268 + 4 * i, qoffset[i]);
            }
            for (int i = 0; i < 12; i++) {
                setFloat(header, 280 + 4 * i, srow[i]);
            }
            text(header, 344, magic == null ? "n+1" : magic);
        } else {
            set(header, 0, 540, 4);
            text(header, 4, magic == null ? "n+2\0\r\n\032\n" : magic);
            set(header, 12, datatype, 2);
            set(header, 14, bitpix, 2);
            for (int i = 0; i < 8; i++) {
                set(header, 16 + 8 * i, dim[i], 8);
                setDouble(header, 104 + 8 * i, pixdim[i]);
            }
            set(header, 168, (long) offset(), 8);
            setDouble(header, 176, slope);
            setDouble(header, 184, inter);
            text(header, 240, description);
            set(header, 344, qformCode, 4);
            set(header, 348, sformCode, 4);
            for (int i = 0; i < 3; i++) {
                setDouble(header, 352 + 8 * i, quaternion[i]);
                setDouble(header, 376 + 8 * i, qoffset[i]);
            }
            for (int i = 0; i < 12; i++) {
                setDouble(header, 400 + 8 * i, srow[i]);
            }
        }
        var out = new ByteArrayOutputStream();
        out.writeBytes(header);
        out.write(extension.length == 0 ? 0 : 1);
        out.write(0);
        out.write(0);
        out.write(0);
        out.writeBytes(extension);
        out.writeBytes(rawVoxels == null ? new byte[(int) (dim[1] * dim[2] * dim[3] * bitpix / 8)] : rawVoxels);
        out.writeBytes(trailing);
        return out.toByteArray();
    }

    public byte[] gzip() {
        return gzip(bytes());
    }

    public static byte[] gzip(byte[] plain) {
        var out = new ByteArrayOutputStream();
        try (var gzip = new GZIPOutputStream(out)) {
            gzip.write(plain);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    private double offset() {
        return voxelOffset != null ? voxelOffset : (version == 1 ? 352 : 544) + extension.length;
    }

    private void put(ByteArrayOutputStream out, long value, int bytes) {
        for (int i = 0; i < bytes; i++) {
            out.write((int) (value >>> 8 * (bigEndian ? bytes - 1 - i : i)));
        }
    }

    private void set(byte[] header, int at, long value, int bytes) {
        for (int i = 0; i < bytes; i++) {
            header[at + i] = (byte) (value >>> 8 * (bigEndian ? bytes - 1 - i : i));
        }
    }

    private void setFloat(byte[] header, int at, double value) {
        set(header, at, Float.floatToRawIntBits((float) value), 4);
    }

    private void setDouble(byte[] header, int at, double value) {
        set(header, at, Double.doubleToRawLongBits(value), 8);
    }

    private static void text(byte[] header, int at, String text) {
        for (int i = 0; i < text.length(); i++) {
            header[at + i] = (byte) text.charAt(i);
        }
    }
}
