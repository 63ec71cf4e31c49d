package io.cloe.worker.execution;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.GZIPInputStream;

/** Reads a mask's labels byte by byte, sharing nothing with the code under test. */
final class MaskBytes {

    private static final int NIFTI1_VOXEL_OFFSET = 352;

    private MaskBytes() {}

    static byte[] labels(Path mask) {
        try (GZIPInputStream gzip = new GZIPInputStream(new ByteArrayInputStream(Files.readAllBytes(mask)))) {
            byte[] plain = gzip.readAllBytes();
            return Arrays.copyOfRange(plain, NIFTI1_VOXEL_OFFSET, plain.length);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static long count(byte[] labels, int... wanted) {
        long count = 0;
        for (byte label : labels) {
            for (int one : wanted) {
                count += label == one ? 1 : 0;
            }
        }
        return count;
    }
}
