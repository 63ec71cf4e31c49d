package io.cloe.worker.volume;

import java.nio.ByteBuffer;
import java.util.Map;
import java.util.OptionalDouble;

/** The ways to store a voxel that the reader understands, with their NIfTI codes. */
enum VoxelType {
    UINT8(2, 1, 255),
    INT16(4, 2, Short.MAX_VALUE),
    INT32(8, 4, Integer.MAX_VALUE),
    FLOAT32(16, 4),
    FLOAT64(64, 8),
    INT8(256, 1, Byte.MAX_VALUE),
    UINT16(512, 2, 65535),
    UINT32(768, 4, 4294967295.0),
    INT64(1024, 8, 0x1p63),
    UINT64(1280, 8, 0x1p64);

    private static final Map<Integer, String> LEGAL_BUT_NOT_READ = Map.of(
            1, "binary",
            32, "complex64",
            128, "RGB",
            1536, "float128",
            1792, "complex128",
            2048, "complex256",
            2304, "RGBA");

    private final int code;
    private final int bytes;
    private final OptionalDouble maximum;

    VoxelType(int code, int bytes) {
        this.code = code;
        this.bytes = bytes;
        this.maximum = OptionalDouble.empty();
    }

    VoxelType(int code, int bytes, double maximum) {
        this.code = code;
        this.bytes = bytes;
        this.maximum = OptionalDouble.of(maximum);
    }

    /** @throws VolumeException if the code is unknown (corrupt) or names a type that is not an intensity (unsupported) */
    static VoxelType ofCode(int code) throws VolumeException {
        for (VoxelType type : values()) {
            if (type.code == code) {
                return type;
            }
        }
        String name = LEGAL_BUT_NOT_READ.get(code);
        if (name != null) {
            throw VolumeException.unsupported("voxels of type " + name + " are not supported");
        }
        throw VolumeException.corrupt("unknown voxel type " + code);
    }

    int code() {
        return code;
    }

    int bytes() {
        return bytes;
    }

    /** Largest value of an integer type. */
    OptionalDouble maximum() {
        return maximum;
    }

    /** Whether every value of the type becomes a finite float under a scaling. */
    boolean isFiniteUnder(Scaling scaling) {
        // An integer's magnitude is at most twice the maximum; scaling is monotone, so the ends tell for all.
        return maximum.isPresent()
                && Float.isFinite(scaling.apply(2 * maximum.getAsDouble()))
                && Float.isFinite(scaling.apply(-2 * maximum.getAsDouble()));
    }

    /**
     * Converts voxels. One plain loop per type: the compiler makes each a tight one.
     *
     * @param from holds at least {@code count} voxels from index 0 on, in its own byte order
     * @param to receives them from {@code offset} on
     */
    void convert(ByteBuffer from, Scaling scaling, float[] to, int offset, int count) {
        switch (this) {
            case UINT8 -> {
                for (int i = 0; i < count; i++) {
                    to[offset + i] = scaling.apply(from.get(i) & 0xff);
                }
            }
            case INT8 -> {
                for (int i = 0; i < count; i++) {
                    to[offset + i] = scaling.apply(from.get(i));
                }
            }
            case INT16 -> {
                // A typed copy of the whole chunk, and a loop over an array: several times as fast as voxel by voxel.
                short[] stored = new short[count];
                from.slice(0, 2 * count).order(from.order()).asShortBuffer().get(stored);
                if (scaling.isNone()) {
                    for (int i = 0; i < count; i++) {
                        to[offset + i] = stored[i];
                    }
                } else {
                    for (int i = 0; i < count; i++) {
                        to[offset + i] = scaling.apply(stored[i]);
                    }
                }
            }
            case UINT16 -> {
                for (int i = 0; i < count; i++) {
                    to[offset + i] = scaling.apply(from.getChar(2 * i));
                }
            }
            case INT32 -> {
                for (int i = 0; i < count; i++) {
                    to[offset + i] = scaling.apply(from.getInt(4 * i));
                }
            }
            case UINT32 -> {
                for (int i = 0; i < count; i++) {
                    to[offset + i] = scaling.apply(Integer.toUnsignedLong(from.getInt(4 * i)));
                }
            }
            case FLOAT32 -> {
                from.slice(0, 4 * count).order(from.order()).asFloatBuffer().get(to, offset, count);
                for (int i = offset; i < offset + count; i++) {
                    to[i] = scaling.isNone() ? to[i] + 0.0f : scaling.apply(to[i]); // either leaves no negative zero
                }
            }
            case FLOAT64 -> {
                for (int i = 0; i < count; i++) {
                    to[offset + i] = scaling.apply(from.getDouble(8 * i));
                }
            }
            case INT64 -> {
                // Unscaled values are rounded once, to float; by way of double they would be rounded twice.
                for (int i = 0; i < count; i++) {
                    long stored = from.getLong(8 * i);
                    to[offset + i] = scaling.isNone() ? (float) stored : scaling.apply(stored);
                }
            }
            case UINT64 -> {
                for (int i = 0; i < count; i++) {
                    long stored = from.getLong(8 * i);
                    to[offset + i] =
                            scaling.isNone() ? unsignedToFloat(stored) : scaling.apply(unsignedToDouble(stored));
                }
            }
        }
    }

    /** Halves a number too large for a signed long, keeping its lowest bit so that it still rounds the right way. */
    private static long halved(long unsigned) {
        return (unsigned >>> 1) | (unsigned & 1);
    }

    private static float unsignedToFloat(long unsigned) {
        return unsigned >= 0 ? (float) unsigned : 2 * (float) halved(unsigned);
    }

    private static double unsignedToDouble(long unsigned) {
        return unsigned >= 0 ? (double) unsigned : 2 * (double) halved(unsigned);
    }
}
