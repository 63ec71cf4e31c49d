package io.cloe.it.bench.inference;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.zip.GZIPOutputStream;

/**
 * Studies of the size and kind that scanners' preprocessing gives: 240 x 240 x 155 voxels of 1 mm, 16 bit, 0 outside an ellipsoid of a
 * brain's size, smooth shades and noise inside, gzip. They compress about as real ones do (1 to 2 MB each).
 */
final class BrainVolumes {

    static final List<String> MODALITIES = List.of("T1", "T1CE", "T2", "FLAIR");
    private static final int[] DIMS = {240, 240, 155};
    private static final double[] SEMI_AXES = {65, 80, 62};
    private static final int VOXELS_AT = 352;

    private BrainVolumes() {}

    /** Writes a study; the same for the same random source. */
    static Map<String, Path> write(Path folder, Random random) throws IOException {
        Files.createDirectories(folder);
        Map<String, Path> files = new LinkedHashMap<>();
        for (String modality : MODALITIES) {
            Path file = folder.resolve(modality.toLowerCase(Locale.ROOT) + ".nii.gz");
            writeVolume(file, random);
            files.put(modality, file);
        }
        return files;
    }

    private static void writeVolume(Path target, Random random) throws IOException {
        int voxels = DIMS[0] * DIMS[1] * DIMS[2];
        ByteBuffer file = ByteBuffer.allocate(VOXELS_AT + 2 * voxels).order(ByteOrder.LITTLE_ENDIAN);
        file.putInt(0, 348).putShort(40, (short) 3).putShort(70, (short) 4).putShort(72, (short) 16);
        file.putFloat(76, 1).putFloat(108, VOXELS_AT).putShort(254, (short) 1);
        for (int axis = 0; axis < 3; axis++) {
            file.putShort(42 + 2 * axis, (short) DIMS[axis]);
            file.putFloat(80 + 4 * axis, 1);
            file.putFloat(280 + 20 * axis, axis == 2 ? 1 : -1);
        }
        file.put(344, new byte[] {'n', '+', '1', 0}).position(VOXELS_AT);
        double[] waves = random.doubles(3, 9, 21).toArray();
        for (int z = 0; z < DIMS[2]; z++) {
            for (int y = 0; y < DIMS[1]; y++) {
                for (int x = 0; x < DIMS[0]; x++) {
                    file.putShort(isBrain(x, y, z) ? shade(x, y, z, waves, random) : 0);
                }
            }
        }
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(target), 1 << 16)) {
            out.write(file.array());
        }
    }

    private static boolean isBrain(int x, int y, int z) {
        double a = (x - DIMS[0] / 2.0) / SEMI_AXES[0];
        double b = (y - DIMS[1] / 2.0) / SEMI_AXES[1];
        double c = (z - DIMS[2] / 2.0) / SEMI_AXES[2];
        return a * a + b * b + c * c < 1;
    }

    private static short shade(int x, int y, int z, double[] waves, Random random) {
        double smooth = Math.sin(x / waves[0]) + Math.sin(y / waves[1]) + Math.sin(z / waves[2]);
        return (short) (500 + 100 * smooth + 15 * random.nextGaussian());
    }
}
