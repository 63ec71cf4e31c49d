package io.cloe.worker.volume;

import static io.cloe.worker.volume.VolumeAssertions.MAX_VOXELS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.ByteArrayInputStream;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Random;
import java.util.zip.GZIPInputStream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

/** Rules that hold for every volume, tried on many. */
class VolumePropertiesTest {
    /** All 48 ways to store a volume: six orders of the axes, each axis either way. */
    @Provide
    Arbitrary<String> orientations() {
        return Combinators.combine(
                        Arbitraries.of("RAS", "RSA", "ARS", "ASR", "SRA", "SAR"),
                        Arbitraries.integers().between(0, 7))
                .as((letters, flips) -> {
                    var result = new StringBuilder();
                    for (int axis = 0; axis < 3; axis++) {
                        char letter = letters.charAt(axis);
                        boolean flip = (flips >> axis & 1) == 1;
                        result.append(flip ? "LPI".charAt("RAS".indexOf(letter)) : letter);
                    }
                    return result.toString();
                });
    }

    @Provide
    Arbitrary<List<Integer>> dims() {
        return Arbitraries.integers().between(1, 9).list().ofSize(3);
    }

    /** An affine whose axes run as the letters say, tilted a little, with the given spacing. */
    private static double[] affine(String letters, double tilt) {
        double[] affine = new double[12];
        for (int axis = 0; axis < 3; axis++) {
            int world = "RL".indexOf(letters.charAt(axis)) >= 0 ? 0 : "AP".indexOf(letters.charAt(axis)) >= 0 ? 1 : 2;
            double sign = "RAS".indexOf(letters.charAt(axis)) >= 0 ? 1 : -1;
            affine[4 * world + axis] = sign * (axis + 1);
        }
        // Rotation about the world's z by the tilt.
        double[] tilted = affine.clone();
        for (int axis = 0; axis < 3; axis++) {
            tilted[axis] = Math.cos(tilt) * affine[axis] - Math.sin(tilt) * affine[4 + axis];
            tilted[4 + axis] = Math.sin(tilt) * affine[axis] + Math.cos(tilt) * affine[4 + axis];
        }
        tilted[3] = -12.5;
        tilted[7] = 30.25;
        tilted[11] = 7;
        return tilted;
    }

    private static Volume volume(Grid grid, long seed, double part) {
        var random = new Random(seed);
        float[] voxels = new float[(int) grid.voxels()];
        for (int i = 0; i < voxels.length; i++) {
            voxels[i] = random.nextDouble() < part ? random.nextInt(-500, 3000) : 0;
        }
        voxels[random.nextInt(voxels.length)] = 7;
        return new Volume(grid, voxels, 0, 0);
    }

    private static int[] array(List<Integer> list) {
        return list.stream().mapToInt(Integer::intValue).toArray();
    }

    private static PreparedStudy prepare(Volume volume, String orientation, int[] window) throws VolumeException {
        var study = new LinkedHashMap<String, Volume>();
        study.put("T1", volume);
        var settings = new PreprocessorSettings(orientation, window[0], window[1], window[2], 1e9, MAX_VOXELS);
        return new StudyPreprocessor(settings).prepare(study);
    }

    @Property(tries = 300, edgeCases = EdgeCasesMode.NONE)
    void shouldNameTheLettersWhenTheAffineWasBuiltFromThem(@ForAll("orientations") String letters) {
        for (double tilt : new double[] {0, 0.2, -0.6}) {
            assertThat(new Grid(new int[] {2, 2, 2}, affine(letters, tilt), true).orientation())
                    .isEqualTo(letters);
        }
    }

    @Property(tries = 500, edgeCases = EdgeCasesMode.NONE)
    void shouldFindEveryVoxelAtItsPlaceInThePatientWhenReorienting(
            @ForAll("orientations") String stored,
            @ForAll("orientations") String wanted,
            @ForAll("dims") List<Integer> dims,
            @ForAll long seed)
            throws VolumeException {
        var grid = new Grid(array(dims), affine(stored, 0), true);
        Volume volume = volume(grid, seed, 1);
        PreparedStudy prepared = prepare(volume, wanted, new int[] {9, 9, 9});
        NormalisedCrop crop = prepared.crop();
        VoxelPlaces places = new VoxelPlaces(grid, wanted);
        double[] statistics = statistics(volume.voxels());
        for (int z = 0; z < crop.depth(); z++) {
            for (int y = 0; y < crop.height(); y++) {
                for (int x = 0; x < crop.width(); x++) {
                    float score = crop.channels()[0][(z * crop.height() + y) * crop.width() + x];
                    int index = places.storageIndex(x, y, z);
                    float voxel = index < 0 ? 0 : volume.voxels()[index];
                    double expected = voxel == 0 ? 0 : (voxel - statistics[0]) / Math.max(statistics[1], 1e-8);
                    assertThat((double) score).isCloseTo(expected, within(1e-4));
                }
            }
        }
    }

    @Property(tries = 500, edgeCases = EdgeCasesMode.NONE)
    void shouldGiveBackEveryLabelOfTheBrainWhenRestoring(
            @ForAll("orientations") String stored,
            @ForAll("orientations") String wanted,
            @ForAll("dims") List<Integer> dims,
            @ForAll @Size(3) List<@IntRange(min = 1, max = 12) Integer> window,
            @ForAll @IntRange(max = 100) int percent,
            @ForAll long seed)
            throws VolumeException {
        var grid = new Grid(array(dims), affine(stored, 0.1), true);
        Volume volume = volume(grid, seed, percent / 100.0);
        PreparedStudy prepared = prepare(volume, wanted, array(window));
        byte[] labels = new byte[prepared.crop().voxels()];
        prepared.crop().brain().stream().forEach(i -> labels[i] = 1);
        byte[] restored = prepared.restore(labels);
        for (int i = 0; i < restored.length; i++) {
            assertThat(restored[i]).isEqualTo((byte) (volume.voxels()[i] != 0 ? 1 : 0));
        }
    }

    @Property(tries = 1000, edgeCases = EdgeCasesMode.NONE)
    void shouldKeepTheRulesOfTheCropWhenWidening(
            @ForAll @IntRange(min = 1, max = 40) int volume,
            @ForAll @IntRange(min = 0, max = 39) int first,
            @ForAll @IntRange(min = 1, max = 40) int length,
            @ForAll @IntRange(min = 1, max = 40) int window) {
        int low = Math.min(first, volume - 1);
        int high = Math.min(low + length, volume);
        Box widened = new Box(new int[] {low, 0, 0}, new int[] {high, 1, 1})
                .widenedTo(new int[] {window, 1, 1}, new int[] {volume, 1, 1});
        int from = widened.low()[0];
        int to = widened.high()[0];
        assertThat(from).isBetween(0, low);
        assertThat(to).isGreaterThanOrEqualTo(high);
        assertThat(to - from).isEqualTo(Math.max(window, high - low));
        if (window > volume) {
            assertThat(from).isZero();
        } else {
            assertThat(to).isLessThanOrEqualTo(volume);
        }
        // Where neither end of the volume is in the way, both sides grow alike, the odd voxel at the high end.
        if (from > 0 && to < volume) {
            assertThat((to - high) - (low - from)).isBetween(0, 1);
        }
    }

    @Property(tries = 300, edgeCases = EdgeCasesMode.NONE)
    void shouldReadBackGridAndLabelsWhenAMaskWasWritten(
            @ForAll("orientations") String letters, @ForAll("dims") List<Integer> dims, @ForAll long seed)
            throws Exception {
        var random = new Random(seed);
        // Tilts next to nothing are left out: from half a turn they cannot be told in a q-form (NiftiMaskWriterTest).
        double tilt = (random.nextBoolean() ? 1 : -1) * (0.02 + 0.5 * random.nextDouble());
        var grid = new Grid(array(dims), affine(letters, tilt), true);
        byte[] labels = new byte[(int) grid.voxels()];
        random.nextBytes(labels);
        MaskFile mask = NiftiMaskWriter.write(labels, grid);
        Volume read = new NiftiReader(1000).read(new ByteArrayInputStream(mask.bytes()), mask.bytes().length);
        assertThat(read.grid().matches(grid)).isTrue();
        assertThat(read.grid().orientation()).isEqualTo(letters);
        for (int i = 0; i < labels.length; i++) {
            assertThat(read.voxels()[i]).isEqualTo(Byte.toUnsignedInt(labels[i]));
        }
        // Readers that prefer the q-form see the same grid.
        byte[] plain = gunzip(mask.bytes());
        assertThat(plain[252]).isEqualTo((byte) 1);
        plain[254] = 0;
        Volume byQform = new NiftiReader(1000).read(new ByteArrayInputStream(plain), plain.length);
        assertThat(byQform.grid().matches(grid)).isTrue();
    }

    @Property(tries = 300, edgeCases = EdgeCasesMode.NONE)
    void shouldReadWhatWasWrittenWhenVersionOrderAndTypeVary(
            @ForAll("dims") List<Integer> dims,
            @ForAll boolean second,
            @ForAll boolean bigEndian,
            @ForAll boolean gzip,
            @ForAll long seed)
            throws Exception {
        var random = new Random(seed);
        int[] codes = {4, 8, 256, 512, 1024};
        int[] bits = {16, 32, 8, 16, 64};
        int type = random.nextInt(codes.length);
        var file = NiftiBytes.standard().dims(array(dims)).type(codes[type], bits[type]);
        file.version = second ? 2 : 1;
        file.bigEndian = bigEndian;
        file.slope = 0.25;
        file.inter = 3;
        file.extension = new byte[16 * random.nextInt(4)];
        long[] values = random.longs((long) dims.get(0) * dims.get(1) * dims.get(2), 0, 128)
                .toArray();
        file.integers(values);
        byte[] bytes = gzip ? file.gzip() : file.bytes();
        Volume volume = new NiftiReader(1000).read(new ByteArrayInputStream(bytes), bytes.length);
        assertThat(volume.grid().dims()).containsExactly(array(dims));
        for (int i = 0; i < values.length; i++) {
            assertThat(volume.voxels()[i]).isEqualTo(values[i] / 4f + 3);
        }
    }

    /** Whatever the bytes, the answer is a volume within the limit or a typed refusal. */
    @Property(tries = 3000)
    void shouldRefuseOrReadWhenBytesAreDamaged(@ForAll boolean second, @ForAll boolean gzip, @ForAll long seed)
            throws Exception {
        var random = new Random(seed);
        var file = NiftiBytes.standard();
        file.version = second ? 2 : 1;
        byte[] bytes = file.bytes();
        boolean damageInside = random.nextBoolean();
        if (damageInside) {
            damage(bytes, random);
        }
        bytes = gzip ? NiftiBytes.gzip(bytes) : bytes;
        if (!damageInside) {
            damage(bytes, random);
            bytes = Arrays.copyOf(bytes, bytes.length - (random.nextBoolean() ? 0 : random.nextInt(bytes.length)));
        }
        try {
            Volume volume = new NiftiReader(1000).read(new ByteArrayInputStream(bytes), bytes.length);
            assertThat(volume.voxels().length).isBetween(1, 1000);
            for (float voxel : volume.voxels()) {
                assertThat(Float.isFinite(voxel)).isTrue();
            }
        } catch (VolumeException e) {
            assertThat(e.reason().name()).isIn("VOLUME_CORRUPT", "VOLUME_UNSUPPORTED", "STUDY_TOO_LARGE");
        }
    }

    private static void damage(byte[] bytes, Random random) {
        int changes = 1 + random.nextInt(4);
        for (int i = 0; i < changes; i++) {
            bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
        }
    }

    private static byte[] gunzip(byte[] bytes) throws Exception {
        try (var gzip = new GZIPInputStream(new ByteArrayInputStream(bytes))) {
            return gzip.readAllBytes();
        }
    }

    private static double[] statistics(float[] voxels) {
        double sum = 0;
        int inside = 0;
        for (float voxel : voxels) {
            sum += voxel;
            inside += voxel != 0 ? 1 : 0;
        }
        double mean = sum / inside;
        double squares = 0;
        for (float voxel : voxels) {
            squares += voxel != 0 ? (voxel - mean) * (voxel - mean) : 0;
        }
        return new double[] {mean, Math.sqrt(squares / inside)};
    }

    /**
     * Another way to find a voxel: by its place in mm. Holds for grids along the world's axes whose brain box reaches all
     * of the volume or whose crop starts at its low end.
     */
    private record VoxelPlaces(Grid grid, String wanted) {
        int storageIndex(int x, int y, int z) {
            int[] wantedIndex = {x, y, z};
            double[] affine = grid.affine();
            int[] dims = grid.dims();
            int[] stored = new int[3];
            for (int axis = 0; axis < 3; axis++) {
                char letter = wanted.charAt(axis);
                int world = "RL".indexOf(letter) >= 0 ? 0 : "AP".indexOf(letter) >= 0 ? 1 : 2;
                for (int storageAxis = 0; storageAxis < 3; storageAxis++) {
                    double step = affine[4 * world + storageAxis];
                    if (step != 0) {
                        boolean grows = "RAS".indexOf(letter) >= 0;
                        double origin = affine[4 * world + 3];
                        double end = origin + step * (dims[storageAxis] - 1);
                        double start = grows ? Math.min(origin, end) : Math.max(origin, end);
                        double place = start + (grows ? 1 : -1) * Math.abs(step) * wantedIndex[axis];
                        stored[storageAxis] = (int) Math.round((place - origin) / step);
                        if (stored[storageAxis] < 0 || stored[storageAxis] >= dims[storageAxis]) {
                            return -1;
                        }
                    }
                }
            }
            return stored[0] + dims[0] * (stored[1] + dims[1] * stored[2]);
        }
    }
}
