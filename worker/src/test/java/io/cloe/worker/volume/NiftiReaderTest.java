package io.cloe.worker.volume;

import static io.cloe.worker.volume.VolumeAssertions.read;
import static io.cloe.worker.volume.VolumeAssertions.refusal;
import static io.cloe.worker.volume.VolumeAssertions.refused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.cloe.schemas.FailureReason;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NiftiReaderTest {
    private static long[] countTo60() {
        long[] values = new long[60];
        Arrays.setAll(values, i -> i + 1);
        return values;
    }

    private static NiftiBytes counting() {
        return NiftiBytes.standard().integers(countTo60());
    }

    private static void assertCounts(Volume volume) {
        assertThat(volume.grid().dims()).containsExactly(5, 4, 3);
        assertThat(volume.voxels()).hasSize(60);
        for (int i = 0; i < 60; i++) {
            assertThat(volume.voxels()[i]).isEqualTo(i + 1);
        }
    }

    @Nested
    class Types {
        @ParameterizedTest
        @CsvSource({
            "1,false,2,8,0,255",
            "1,true,2,8,0,255",
            "2,false,2,8,0,255",
            "1,false,256,8,-128,127",
            "2,true,256,8,-128,127",
            "1,false,4,16,-32768,32767",
            "1,true,4,16,-32768,32767",
            "2,true,4,16,-32768,32767",
            "1,false,512,16,0,65535",
            "1,true,512,16,0,65535",
            "1,false,8,32,-2147483648,2147483647",
            "2,true,8,32,-2147483648,2147483647",
            "1,false,768,32,0,4294967295",
            "1,true,768,32,0,4294967295",
            "1,false,1024,64,-9223372036854775808,9223372036854775807",
            "2,true,1024,64,-9223372036854775808,9223372036854775807",
            "1,true,1280,64,0,9223372036854775807"
        })
        void shouldReadTheExtremesWhenTheTypeIsAnInteger(
                int version, boolean bigEndian, int code, int bits, long least, long most) throws Exception {
            var file = NiftiBytes.standard().dims(2, 2, 1).type(code, bits);
            file.version = version;
            file.bigEndian = bigEndian;
            file.integers(least, most, 1, 77);
            assertThat(read(file.bytes()).voxels()).containsExactly((float) least, (float) most, 1, 77);
        }

        @ParameterizedTest
        @CsvSource({"1,false", "1,true", "2,false", "2,true"})
        void shouldReadTheSameValuesWhenTheTypeIsFloat(int version, boolean bigEndian) throws Exception {
            var file = NiftiBytes.standard().dims(3, 1, 1).type(16, 32);
            file.version = version;
            file.bigEndian = bigEndian;
            assertThat(read(file.floats(1.5f, -3e38f, 1e-40f).bytes()).voxels()).containsExactly(1.5f, -3e38f, 1e-40f);
            file.type(64, 64);
            assertThat(read(file.doubles(1.5, 0.1, -1e-3).bytes()).voxels()).containsExactly(1.5f, 0.1f, -1e-3f);
        }

        @Test
        void shouldRoundOnceWhenAnUnsignedLongExceedsASignedOne() throws Exception {
            var file = NiftiBytes.standard().dims(4, 1, 1).type(1280, 64);
            // 2^63 + 2^39 lies half way between two floats and goes to the even one; one more goes up.
            long halfWay = 1L << 63 | 1L << 39;
            file.integers(-1L, Long.MIN_VALUE, halfWay, halfWay + 1);
            assertThat(read(file.bytes()).voxels()).containsExactly(0x1p64f, 0x1p63f, 0x1p63f, Math.nextUp(0x1p63f));
        }

        @Test
        void shouldTrustTheTypeWhenBitpixSaysSomethingElse() throws Exception {
            var file = counting();
            file.bitpix = 64;
            assertCounts(read(file.bytes()));
        }

        @ParameterizedTest
        @CsvSource({
            "32,complex64",
            "128,RGB",
            "1536,float128",
            "1792,complex128",
            "2048,complex256",
            "2304,RGBA",
            "1,binary"
        })
        void shouldRefuseByNameWhenTheTypeIsNoIntensity(int code, String name) {
            assertThat(refused(NiftiBytes.standard().type(code, 64).bytes(), FailureReason.VOLUME_UNSUPPORTED))
                    .hasMessageContaining(name);
        }

        @ParameterizedTest
        @ValueSource(ints = {0, 3, 255, -4, 9999})
        void shouldRefuseWhenTheTypeIsUnknown(int code) {
            refused(NiftiBytes.standard().type(code, 64).bytes(), FailureReason.VOLUME_CORRUPT);
        }
    }

    @Nested
    class Scalings {
        @ParameterizedTest
        @CsvSource({
            "2, -1024, -824",
            "-0.5, 3, -47",
            "1, 7, 107",
            "0, 5, 100",
            "NaN, 5, 100",
            "Infinity, 5, 100",
            "-Infinity, NaN, 100",
            "1, 0, 100"
        })
        void shouldScaleOnlyWhenTheSlopeIsAUsableNumber(double slope, double inter, float expected) throws Exception {
            for (int version = 1; version <= 2; version++) {
                var file = NiftiBytes.standard().dims(1, 1, 1).integers(100);
                file.version = version;
                file.slope = slope;
                file.inter = inter;
                assertThat(read(file.bytes()).voxels()).containsExactly(expected);
            }
        }

        @Test
        void shouldNotLoseDigitsWhenLargeIntegersAreScaled() throws Exception {
            var file = NiftiBytes.standard().dims(1, 1, 1).type(8, 32).integers(2_000_000_001L);
            file.version = 2;
            file.inter = -2_000_000_000.0;
            assertThat(read(file.bytes()).voxels()).containsExactly(1);
        }

        @ParameterizedTest
        @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY})
        void shouldRefuseWhenTheInterceptIsNoNumber(double inter) {
            var file = counting();
            file.slope = 2;
            file.inter = inter;
            refused(file.bytes(), FailureReason.VOLUME_CORRUPT);
        }
    }

    @Nested
    class Voxels {
        @Test
        void shouldReadAsZeroAndCountWhenVoxelsAreNotFinite() throws Exception {
            var file = NiftiBytes.standard().dims(5, 1, 1).type(16, 32);
            file.floats(Float.NaN, 1, Float.POSITIVE_INFINITY, -0.0f, Float.NEGATIVE_INFINITY);
            Volume volume = read(file.bytes());
            assertThat(volume.voxels()).containsExactly(0, 1, 0, 0, 0);
            assertThat(volume.nonFinite()).isEqualTo(3);
            assertThat(volume.flags()).containsExactly(VolumeFlag.NON_FINITE_VOXELS);
        }

        @Test
        void shouldReadAsZeroAndCountWhenScalingOverflows() throws Exception {
            var file = NiftiBytes.standard().dims(3, 1, 1).integers(-4, 0, 9);
            file.slope = 1e38;
            Volume volume = read(file.bytes());
            assertThat(volume.voxels()).containsExactly(0, 0, 0);
            assertThat(volume.nonFinite()).isEqualTo(2);
        }

        @Test
        void shouldKeepNegativeVoxelsWhenReading() throws Exception {
            Volume volume =
                    read(NiftiBytes.standard().dims(3, 1, 1).integers(-4, 0, 9).bytes());
            assertThat(volume.voxels()).containsExactly(-4, 0, 9);
            assertThat(volume.flags()).isEmpty();
        }

        @Test
        void shouldFlagSaturationWhenManyVoxelsSitAtTheTypesMaximum() throws Exception {
            var file = NiftiBytes.standard().dims(4, 1, 1).integers(32767, 5, 32767, 0);
            file.slope = 0.5;
            Volume volume = read(file.bytes());
            assertThat(volume.atTypeMaximum()).isEqualTo(2);
            assertThat(volume.flags()).containsExactly(VolumeFlag.SATURATED);
        }

        @Test
        void shouldNotFlagSaturationWhenOneVoxelOfThousandsIsAtTheMaximum() throws Exception {
            long[] values = new long[4000];
            Arrays.fill(values, 12);
            values[17] = 255;
            Volume volume = read(NiftiBytes.standard()
                    .dims(40, 100, 1)
                    .type(2, 8)
                    .integers(values)
                    .bytes());
            assertThat(volume.atTypeMaximum()).isEqualTo(1);
            assertThat(volume.flags()).isEmpty();
        }

        @Test
        void shouldReadEveryVoxelWhenTheVolumeSpansManyChunks() throws Exception {
            int side = 70;
            long[] values = new long[side * side * side];
            Arrays.setAll(values, i -> i % 30011 - 15000);
            Volume volume = read(NiftiBytes.standard()
                    .dims(side, side, side)
                    .integers(values)
                    .gzip());
            for (int i = 0; i < values.length; i++) {
                if (volume.voxels()[i] != values[i]) {
                    assertThat(volume.voxels()[i]).as("voxel " + i).isEqualTo(values[i]);
                }
            }
        }
    }

    @Nested
    class Layout {
        @ParameterizedTest
        @ValueSource(ints = {1, 2})
        void shouldSkipExtensionsWhenThereAreAny(int version) throws Exception {
            var file = counting();
            file.version = version;
            file.extension = new byte[4096 - 352];
            assertCounts(read(file.bytes()));
        }

        @ParameterizedTest
        @CsvSource({"1,0", "1,348", "1,351", "1,352.5", "1,-352", "1,NaN", "1,Infinity", "2,352", "2,543", "2,-1"})
        void shouldRefuseWhenTheVoxelsOffsetIsNotBehindTheHeader(int version, double offset) {
            var file = counting();
            file.version = version;
            file.voxelOffset = offset;
            refused(file.bytes(), FailureReason.VOLUME_CORRUPT);
        }

        @Test
        void shouldRefuseWhenTheOffsetLiesFarBeyondAnyExtension() {
            var file = counting();
            file.version = 2;
            file.voxelOffset = 9e18;
            refused(file.gzip(), FailureReason.VOLUME_UNSUPPORTED);
        }

        @Test
        void shouldReadWhenBytesFollowTheVoxels() throws Exception {
            var file = counting();
            file.trailing = new byte[] {1, 2, 3, 4};
            assertCounts(read(file.bytes()));
            assertCounts(read(file.gzip()));
        }

        @ParameterizedTest
        @ValueSource(ints = {1, 2})
        void shouldRefuseAsUnsupportedWhenTheHeaderBelongsToAPair(int version) {
            var file = counting();
            file.version = version;
            file.magic = version == 1 ? "ni1" : "ni2\0\r\n\032\n";
            assertThat(refused(file.bytes(), FailureReason.VOLUME_UNSUPPORTED)).hasMessageContaining("pair");
        }

        @Test
        void shouldRefuseAsUnsupportedWhenTheHeaderIsAnalyze() {
            var file = counting();
            file.magic = "\0\0\0";
            assertThat(refused(file.bytes(), FailureReason.VOLUME_UNSUPPORTED)).hasMessageContaining("Analyze");
        }

        @ParameterizedTest
        @CsvSource({"1,abc", "1,n+2", "2,n+2", "2,n+1"})
        void shouldRefuseWhenTheMagicIsWrong(int version, String magic) {
            var file = counting();
            file.version = version;
            file.magic = magic;
            refused(file.bytes(), FailureReason.VOLUME_CORRUPT);
        }

        @ParameterizedTest
        @ValueSource(ints = {0, 1, 2, 3, 4, 100, 347, 351, 352, 471})
        void shouldRefuseWhenTheFileEndsEarly(int length) {
            refused(Arrays.copyOf(counting().bytes(), length), FailureReason.VOLUME_CORRUPT);
        }

        @Test
        void shouldRefuseWhenTheFileIsSomethingElse() {
            byte[] text = "Study of a patient whose name must not appear in any message".getBytes();
            assertThat(refused(text, FailureReason.VOLUME_CORRUPT)).hasMessage("not a NIfTI file");
        }
    }

    @Nested
    class Dimensions {
        @Test
        void shouldReadWhenThereIsAFourthAxisOfOne() throws Exception {
            var file = counting();
            file.dim = new long[] {4, 5, 4, 3, 1, 0, 0, 0};
            assertCounts(read(file.bytes()));
        }

        @Test
        void shouldIgnoreAxesWhenTheyAreNotInUse() throws Exception {
            var file = counting();
            file.dim = new long[] {3, 5, 4, 3, 0, -1, 9, 0};
            assertCounts(read(file.bytes()));
        }

        @ParameterizedTest
        @ValueSource(
                strings = {"4,5,4,3,2,1,1,1", "5,5,4,3,1,3,1,1", "5,5,4,3,1,1,1,1", "2,5,4,1,1,1,1,1", "1,5,1,1,1,1,1,1"
                })
        void shouldRefuseAsUnsupportedWhenTheFileIsNotOneVolume(String dim) {
            var file = counting();
            file.dim = Arrays.stream(dim.split(",")).mapToLong(Long::parseLong).toArray();
            refused(file.bytes(), FailureReason.VOLUME_UNSUPPORTED);
        }

        @ParameterizedTest
        @ValueSource(
                strings = {
                    "0,5,4,3,1,1,1,1",
                    "9,5,4,3,1,1,1,1",
                    "-3,5,4,3,1,1,1,1",
                    "3,5,0,3,1,1,1,1",
                    "3,5,4,-3,1,1,1,1",
                    "4,5,4,3,0,1,1,1"
                })
        void shouldRefuseWhenDimensionsMakeNoSense(String dim) {
            var file = counting();
            file.rawVoxels = new byte[120];
            file.dim = Arrays.stream(dim.split(",")).mapToLong(Long::parseLong).toArray();
            refused(file.bytes(), FailureReason.VOLUME_CORRUPT);
        }

        @Test
        void shouldRefuseBeforeTakingMemoryWhenTheHeaderAnnouncesTooManyVoxels() {
            var file = NiftiBytes.standard();
            file.rawVoxels = new byte[120];
            file.dim = new long[] {3, 32767, 32767, 32767, 1, 1, 1, 1};
            refused(file.bytes(), FailureReason.STUDY_TOO_LARGE);
            refused(file.gzip(), FailureReason.STUDY_TOO_LARGE);
        }

        @Test
        void shouldRefuseWhenAnAxisIsLongerThanAMaskCanSay() {
            var file = NiftiBytes.standard();
            file.version = 2;
            file.rawVoxels = new byte[120];
            file.dim = new long[] {3, 1L << 40, 1L << 40, 1L << 40, 1, 1, 1, 1};
            refused(file.bytes(), FailureReason.VOLUME_UNSUPPORTED);
        }

        @Test
        void shouldRefuseBeforeTakingMemoryWhenTheFileIsTooShortToHoldItsVoxels() {
            var file = NiftiBytes.standard().dims(100, 100, 100);
            file.rawVoxels = new byte[120];
            assertThat(refused(file.bytes(), FailureReason.VOLUME_CORRUPT)).hasMessageContaining("too short");
            assertThat(refused(file.gzip(), FailureReason.VOLUME_CORRUPT)).hasMessageContaining("too short");
        }

        @Test
        void shouldReadOnlyUpToTheLimitWhenCountingVoxels() throws Exception {
            byte[] file = counting().bytes();
            assertCounts(new NiftiReader(60).read(new ByteArrayInputStream(file), file.length));
            VolumeException refusal =
                    refusal(() -> new NiftiReader(59).read(new ByteArrayInputStream(file), file.length));
            assertThat(refusal.reason()).isEqualTo(FailureReason.STUDY_TOO_LARGE);
        }

        @ParameterizedTest
        @ValueSource(ints = {0, -1, Integer.MAX_VALUE})
        void shouldRejectTheLimitWhenNoArrayCanHaveThatSize(int limit) {
            assertThatIllegalArgumentException().isThrownBy(() -> new NiftiReader(limit));
        }
    }

    @Nested
    class Gzip {
        @Test
        void shouldReadWhenTheFileHasSeveralMembers() throws Exception {
            byte[] plain = counting().bytes();
            var file = new ByteArrayOutputStream();
            file.writeBytes(NiftiBytes.gzip(Arrays.copyOf(plain, 100)));
            file.writeBytes(NiftiBytes.gzip(Arrays.copyOfRange(plain, 100, 400)));
            file.writeBytes(NiftiBytes.gzip(Arrays.copyOfRange(plain, 400, plain.length)));
            assertCounts(read(file.toByteArray()));
        }

        @Test
        void shouldReadWhenTheGzipHeaderHoldsAName() throws Exception {
            byte[] gzip = counting().gzip();
            var file = new ByteArrayOutputStream();
            file.writeBytes(Arrays.copyOf(gzip, 10));
            file.writeBytes("t1.nii\0".getBytes());
            file.write(gzip, 10, gzip.length - 10);
            byte[] named = file.toByteArray();
            named[3] = 8;
            assertCounts(read(named));
        }

        @Test
        void shouldRefuseWhenAnyByteIsCutOff() {
            byte[] gzip = counting().gzip();
            for (int length = 2; length < gzip.length; length++) {
                refused(Arrays.copyOf(gzip, length), FailureReason.VOLUME_CORRUPT);
            }
        }

        @Test
        void shouldRefuseWhenChecksumOrLengthDoNotHold() {
            byte[] gzip = counting().gzip();
            for (int fromEnd = 1; fromEnd <= 8; fromEnd++) {
                byte[] damaged = gzip.clone();
                damaged[damaged.length - fromEnd] ^= 1;
                refused(damaged, FailureReason.VOLUME_CORRUPT);
            }
        }

        @Test
        void shouldRefuseWhenEndlessDataFollowTheVoxels() throws IOException {
            var file = new ByteArrayOutputStream();
            try (var gzip = new GZIPOutputStream(file)) {
                gzip.write(counting().bytes());
                byte[] zeros = new byte[1 << 20];
                for (int i = 0; i < 70; i++) {
                    gzip.write(zeros);
                }
            }
            refused(file.toByteArray(), FailureReason.VOLUME_CORRUPT);
        }

        @Test
        void shouldPassOnTheErrorWhenTheStreamItselfFails() {
            byte[] gzip = counting().gzip();
            var failing = new InputStream() {
                private int at;

                @Override
                public int read() throws IOException {
                    if (at == gzip.length / 2) {
                        throw new IOException("device gone");
                    }
                    return gzip[at++] & 0xff;
                }
            };
            assertThatExceptionOfType(IOException.class)
                    .isThrownBy(() -> new NiftiReader(60).read(failing, gzip.length));
        }
    }

    @Nested
    class Place {
        private double[] affineOf(NiftiBytes file) throws Exception {
            double[] first = read(file.bytes()).grid().affine();
            file.version = 2;
            double[] second = read(file.bytes()).grid().affine();
            assertThat(second).containsExactly(first, within(1e-6));
            return first;
        }

        @Test
        void shouldTakeTheSformWhenBothFormsAreGiven() throws Exception {
            var file = counting();
            file.qformCode = 1;
            assertThat(affineOf(file)).containsExactly(NiftiBytes.AFFINE);
            assertThat(read(file.bytes()).grid().orientationKnown()).isTrue();
            assertThat(read(file.bytes()).grid().orientation()).isEqualTo("LPS");
        }

        @Test
        void shouldTakeTheQformWhenThereIsNoSform() throws Exception {
            var file = counting();
            file.sformCode = 0;
            file.qformCode = 2;
            file.qoffset = new double[] {1, 2, 3};
            assertThat(affineOf(file)).containsExactly(1.5, 0, 0, 1, 0, 2, 0, 2, 0, 0, 2.5, 3);
            file.version = 1;
            file.pixdim[0] = -1;
            assertThat(affineOf(file)).containsExactly(1.5, 0, 0, 1, 0, 2, 0, 2, 0, 0, -2.5, 3);
            file.version = 1;
            file.pixdim[0] = 0;
            file.quaternion = new double[] {0, 0, 1};
            assertThat(affineOf(file)).containsExactly(-1.5, 0, 0, 1, 0, -2, 0, 2, 0, 0, 2.5, 3);
            file.version = 1;
            double half = Math.sqrt(0.5);
            file.quaternion = new double[] {0, 0, half};
            // A quarter turn about z: i runs to the front, j to the left.
            assertThat(affineOf(file))
                    .containsExactly(new double[] {0, -2, 0, 1, 1.5, 0, 0, 2, 0, 0, 2.5, 3}, within(1e-6));
        }

        @Test
        void shouldScaleAndFlagWhenThereIsNoForm() throws Exception {
            var file = counting();
            file.sformCode = 0;
            Volume volume = read(file.bytes());
            assertThat(volume.grid().orientationKnown()).isFalse();
            assertThat(volume.grid().spacingMm()).containsExactly(1.5, 2, 2.5);
            assertThat(volume.flags()).containsExactly(VolumeFlag.ORIENTATION_UNKNOWN);
        }

        @Test
        void shouldRefuseWhenTheSformIsFlatOrNoNumber() {
            for (double[] srow : new double[][] {
                new double[12], {1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0}, {Double.NaN, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0}
            }) {
                var file = counting();
                file.srow = srow;
                refused(file.bytes(), FailureReason.VOLUME_CORRUPT);
            }
        }

        @ParameterizedTest
        @ValueSource(doubles = {0, -1, Double.NaN, Double.POSITIVE_INFINITY})
        void shouldRefuseWhenTheVoxelSizeIsNotPositiveAndNeeded(double size) throws Exception {
            var file = counting();
            file.pixdim[2] = size;
            assertCounts(read(file.bytes())); // the s-form does not need it
            file.sformCode = 0;
            refused(file.bytes(), FailureReason.VOLUME_CORRUPT);
            file.qformCode = 1;
            refused(file.bytes(), FailureReason.VOLUME_CORRUPT);
        }

        @Test
        void shouldRefuseWhenTheQuaternionIsNoRotation() {
            var file = counting();
            file.sformCode = 0;
            file.qformCode = 1;
            file.quaternion = new double[] {1, 1, 0};
            refused(file.bytes(), FailureReason.VOLUME_CORRUPT);
            file.quaternion = new double[] {Double.NaN, 0, 0};
            refused(file.bytes(), FailureReason.VOLUME_CORRUPT);
        }
    }

    @Test
    void shouldNotQuoteTheHeaderWhenRefusing() {
        var file = counting();
        file.description = "DOE^JANE 19700101";
        file.dim[2] = -1;
        file.rawVoxels = new byte[120];
        assertThat(refused(file.bytes(), FailureReason.VOLUME_CORRUPT).toString())
                .doesNotContain("DOE");
    }
}
