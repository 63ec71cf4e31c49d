package io.cloe.worker.execution;

import io.cloe.schemas.VolumeReference;
import io.cloe.worker.volume.NiftiBytes;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Random;

/** Volumes that test code writes: noise in a box, 0 around it; a seed gives the same file each time. */
final class Phantom {

    static final int[] DIMS = {26, 18, 10};
    static final double[] AFFINE = {-1, 0, 0, 12, 0, -2, 0, 20, 0, 0, 2.5, -30};
    static final double VOXEL_ML = 1 * 2 * 2.5 / 1000;

    private Phantom() {}

    static NiftiBytes noise(int seed) {
        Random random = new Random(seed);
        float[] voxels = new float[DIMS[0] * DIMS[1] * DIMS[2]];
        for (int voxel = 0; voxel < voxels.length; voxel++) {
            int x = voxel % DIMS[0];
            int y = voxel / DIMS[0] % DIMS[1];
            boolean inside = x > 2 && x < DIMS[0] - 3 && y > 1 && y < DIMS[1] - 2;
            voxels[voxel] = inside ? 100 + 40 * (float) random.nextGaussian() : 0;
        }
        return standard().floats(voxels);
    }

    static NiftiBytes empty() {
        return standard();
    }

    private static NiftiBytes standard() {
        return NiftiBytes.standard().dims(DIMS).type(16, 32).affine(AFFINE);
    }

    static Path write(Path file, byte[] bytes) {
        try {
            Files.createDirectories(file.getParent());
            return Files.write(file, bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** With size and digest, as a careful producer gives them. */
    static VolumeReference reference(Path file) {
        try {
            return new VolumeReference(
                    file.toUri().toString(), "nifti", Files.size(file), sha256(Files.readAllBytes(file)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static VolumeReference unverified(Path file) {
        return new VolumeReference(file.toUri().toString(), "nifti", null, null);
    }

    static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
