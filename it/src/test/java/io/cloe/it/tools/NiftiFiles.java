package io.cloe.it.tools;

import io.cloe.worker.volume.NiftiReader;
import io.cloe.worker.volume.Volume;
import io.cloe.worker.volume.VolumeException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;

/** Makes volumes of another kind from the generated ones, which are gzipped little-endian NIfTI-1 files of 16-bit voxels. */
public final class NiftiFiles {

    private static final int DIMS_AT = 40;
    private static final int SPACING_AT = 76;
    private static final int VOXELS_AT = 352;
    private static final int AFFINE_AT = 280;
    private static final int MOST_VOXELS = 64 << 20;

    /** Where the header has free text and how much: data_type, db_name, descrip, aux_file, intent_name. */
    private static final int[][] TEXT_FIELDS = {{4, 10}, {14, 18}, {148, 80}, {228, 24}, {328, 16}};

    private NiftiFiles() {}

    /** Reads any volume or mask. */
    public static Volume read(Path file) throws IOException, VolumeException {
        byte[] bytes = Files.readAllBytes(file);
        return new NiftiReader(MOST_VOXELS).read(new ByteArrayInputStream(bytes), bytes.length);
    }

    /** A volume of 1 mm with a smooth pattern and noise: the same for the same random source. */
    public static void generate(Path target, int[] dims, Random random) throws IOException {
        ByteBuffer file =
                ByteBuffer.allocate(VOXELS_AT + 2 * dims[0] * dims[1] * dims[2]).order(ByteOrder.LITTLE_ENDIAN);
        file.putInt(0, 348).putShort(DIMS_AT, (short) 3).putShort(70, (short) 4).putShort(72, (short) 16);
        file.putFloat(SPACING_AT, 1).putFloat(108, VOXELS_AT).putShort(254, (short) 1);
        for (int axis = 0; axis < 3; axis++) {
            file.putShort(DIMS_AT + 2 + 2 * axis, (short) dims[axis]);
            file.putFloat(SPACING_AT + 4 + 4 * axis, 1);
            file.putFloat(AFFINE_AT + 16 * axis + 4 * axis, axis == 2 ? 1 : -1);
        }
        file.put(344, new byte[] {'n', '+', '1', 0}).position(VOXELS_AT);
        double wave = 4 + 8 * random.nextDouble();
        for (int voxel = 0; voxel < dims[0] * dims[1] * dims[2]; voxel++) {
            file.putShort((short) (300 + 200 * Math.sin(voxel / wave) + 100 * random.nextDouble()));
        }
        zip(file.array(), target);
    }

    /** Another grid over the same space: each voxel becomes {@code factor} voxels along every axis. */
    public static void refine(Path source, Path target, int factor) throws IOException {
        ByteBuffer file = unzip(source);
        int[] dims = new int[3];
        ByteBuffer finer = null;
        for (int axis = 0; axis < 3; axis++) {
            dims[axis] = file.getShort(DIMS_AT + 2 + 2 * axis);
        }
        int[] more = Arrays.stream(dims).map(dim -> dim * factor).toArray();
        finer = ByteBuffer.allocate(VOXELS_AT + 2 * more[0] * more[1] * more[2]).order(ByteOrder.LITTLE_ENDIAN);
        finer.put(file.array(), 0, VOXELS_AT);
        for (int axis = 0; axis < 3; axis++) {
            finer.putShort(DIMS_AT + 2 + 2 * axis, (short) more[axis]);
            int spacing = SPACING_AT + 4 + 4 * axis;
            finer.putFloat(spacing, file.getFloat(spacing) / factor);
            for (int row = 0; row < 3; row++) {
                int element = AFFINE_AT + 16 * row + 4 * axis;
                finer.putFloat(element, file.getFloat(element) / factor);
            }
        }
        for (int k = 0; k < more[2]; k++) {
            for (int j = 0; j < more[1]; j++) {
                int row = (k / factor * dims[1] + j / factor) * dims[0];
                for (int i = 0; i < more[0]; i++) {
                    finer.putShort(file.getShort(VOXELS_AT + 2 * (row + i / factor)));
                }
            }
        }
        zip(finer.array(), target);
    }

    /** The same header with all voxels 0. */
    public static void blank(Path source, Path target) throws IOException {
        byte[] file = unzip(source).array();
        Arrays.fill(file, VOXELS_AT, file.length, (byte) 0);
        zip(file, target);
    }

    /** The same volume with a text in every free text field of the header, and in an extension of type comment. */
    public static void plant(Path source, Path target, String text) throws IOException {
        byte[] plain = unzip(source).array();
        byte[] ascii = text.getBytes(StandardCharsets.US_ASCII);
        int extension = (8 + ascii.length + 15) / 16 * 16;
        ByteBuffer file = ByteBuffer.allocate(plain.length + extension).order(ByteOrder.LITTLE_ENDIAN);
        file.put(plain, 0, VOXELS_AT);
        for (int[] field : TEXT_FIELDS) {
            file.put(field[0], Arrays.copyOf(ascii, field[1]));
        }
        file.putFloat(108, VOXELS_AT + extension).put(348, (byte) 1);
        file.putInt(extension).putInt(6).put(Arrays.copyOf(ascii, extension - 8));
        file.put(plain, VOXELS_AT, plain.length - VOXELS_AT);
        zip(file.array(), target);
    }

    /** The first half of the file, as an interrupted transfer leaves it. */
    public static void truncate(Path source, Path target) throws IOException {
        byte[] file = Files.readAllBytes(source);
        Files.write(target, Arrays.copyOf(file, file.length / 2));
    }

    /** Some bytes in the middle of the compressed voxels changed. */
    public static void corrupt(Path source, Path target) throws IOException {
        byte[] file = Files.readAllBytes(source);
        for (int at = file.length / 2; at < file.length / 2 + 64; at++) {
            file[at] ^= 0x5A;
        }
        Files.write(target, file);
    }

    private static ByteBuffer unzip(Path source) throws IOException {
        try (GZIPInputStream in = new GZIPInputStream(Files.newInputStream(source))) {
            return ByteBuffer.wrap(in.readAllBytes()).order(ByteOrder.LITTLE_ENDIAN);
        }
    }

    private static void zip(byte[] file, Path target) throws IOException {
        ByteArrayOutputStream zipped = new ByteArrayOutputStream();
        try (OutputStream out = new GZIPOutputStream(zipped)) {
            out.write(file);
        }
        Files.write(target, zipped.toByteArray());
    }
}
