package io.cloe.worker.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;

class NiftiMaskWriterTest {
    private static final double[] SHEARED = {1, 0.3, 0, 5, 0, 1, 0, 6, 0, 0, 1, 7};

    private static byte[] plain(MaskFile mask) throws IOException {
        try (var gzip = new GZIPInputStream(new ByteArrayInputStream(mask.bytes()))) {
            return gzip.readAllBytes();
        }
    }

    private static Grid grid(double... affine) {
        return new Grid(new int[] {3, 2, 1}, affine, true);
    }

    private static byte[] labels() {
        return new byte[] {0, 1, 2, 3, (byte) 200, 0};
    }

    @Test
    void shouldWriteEveryFieldWhenTheGridIsPlain() throws Exception {
        byte[] file = plain(NiftiMaskWriter.write(labels(), grid(NiftiBytes.AFFINE)));

        // What the fields should be, by the NIfTI-1 standard; every other byte must be 0.
        ByteBuffer expected = ByteBuffer.allocate(352).order(ByteOrder.LITTLE_ENDIAN);
        expected.putInt(0, 348);
        short[] dim = {3, 3, 2, 1, 1, 1, 1, 1};
        float[] pixdim = {1, 1.5f, 2, 2.5f, 1, 1, 1, 1};
        for (int i = 0; i < 8; i++) {
            expected.putShort(40 + 2 * i, dim[i]);
            expected.putFloat(76 + 4 * i, pixdim[i]);
        }
        expected.putShort(68, (short) 1002);
        expected.putShort(70, (short) 2);
        expected.putShort(72, (short) 8);
        expected.putFloat(108, 352);
        expected.putFloat(112, 1);
        expected.put(123, (byte) 2);
        expected.putShort(252, (short) 1);
        expected.putShort(254, (short) 1);
        expected.putFloat(264, 1); // half a turn about z
        float[] srow = {-1.5f, 0, 0, 10, 0, -2, 0, 20, 0, 0, 2.5f, -30};
        for (int i = 0; i < 12; i++) {
            expected.putFloat(280 + 4 * i, srow[i]);
        }
        for (int row = 0; row < 3; row++) {
            expected.putFloat(268 + 4 * row, srow[4 * row + 3]);
        }
        expected.put(344, (byte) 'n').put(345, (byte) '+').put(346, (byte) '1');
        assertThat(Arrays.copyOf(file, 352)).isEqualTo(expected.array());
        assertThat(Arrays.copyOfRange(file, 352, file.length)).isEqualTo(labels());
    }

    @Test
    void shouldGiveEqualBytesWhenTheMaskIsEqual() throws Exception {
        MaskFile first = NiftiMaskWriter.write(labels(), grid(NiftiBytes.AFFINE));
        MaskFile second = NiftiMaskWriter.write(labels(), grid(NiftiBytes.AFFINE));
        assertThat(second.bytes()).isEqualTo(first.bytes());
        assertThat(second.sha256())
                .isEqualTo(first.sha256())
                .isEqualTo(String.format(
                        "%064x",
                        new BigInteger(1, MessageDigest.getInstance("SHA-256").digest(first.bytes()))));
        // Deflate, no flags, no time, no extra flags, operating system unknown.
        assertThat(Arrays.copyOf(first.bytes(), 10)).containsExactly(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255);
    }

    @Test
    void shouldLeaveOutTheQformWhenTheGridIsSheared() throws Exception {
        byte[] file = plain(NiftiMaskWriter.write(labels(), grid(SHEARED)));
        ByteBuffer header = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(header.getShort(252)).isZero();
        assertThat(header.getShort(254)).isEqualTo((short) 1);
        assertThat(VolumeAssertions.read(file).grid().affine()).containsExactly(SHEARED, within(1e-6));
    }

    @Test
    void shouldLeaveOutTheQformWhenItsRoundingWouldMoveTheMask() throws Exception {
        // Half a turn about z and a trace more: the quaternion's left-out part drowns in float32 rounding.
        double tilt = 5e-4;
        double[] affine = {
            -3 * Math.cos(tilt), 3 * Math.sin(tilt), 0, 5, -3 * Math.sin(tilt), -3 * Math.cos(tilt), 0, 6, 0, 0, 3, 7
        };
        byte[] file = plain(NiftiMaskWriter.write(labels(), grid(affine)));
        assertThat(file[252]).isZero();
        assertThat(VolumeAssertions.read(file).grid().affine()).containsExactly(affine, within(1e-6));
    }

    @Test
    void shouldClaimNoOrientationWhenTheStudyHasNone() throws Exception {
        var unknown = new Grid(new int[] {3, 2, 1}, new double[] {1.5, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2.5, 0}, false);
        Grid read = VolumeAssertions.read(
                        NiftiMaskWriter.write(labels(), unknown).bytes())
                .grid();
        assertThat(read).isEqualTo(unknown);
    }

    @Test
    void shouldTellTheSamePlaceByQformAloneWhenTheGridIsLeftHandedAndOblique() throws Exception {
        double cosine = Math.cos(0.3);
        double sine = Math.sin(0.3);
        // Voxels of 0.5 x 0.75 x 3 mm, turned about x, third axis reversed.
        double[] affine = {0.5, 0, 0, -80, 0, 0.75 * cosine, 3 * sine, 12, 0, 0.75 * sine, -3 * cosine, 40};
        byte[] file = plain(NiftiMaskWriter.write(labels(), grid(affine)));
        file[254] = 0; // s-form code
        Volume mask = VolumeAssertions.read(file);
        assertThat(mask.grid().affine()).containsExactly(affine, within(1e-5));
        assertThat(mask.voxels()).containsExactly(0, 1, 2, 3, 200, 0);
    }

    @Test
    void shouldRejectWhenLabelsDoNotFillTheGrid() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> NiftiMaskWriter.write(new byte[5], grid(NiftiBytes.AFFINE)));
    }
}
