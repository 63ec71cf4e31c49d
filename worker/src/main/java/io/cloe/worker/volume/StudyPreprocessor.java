package io.cloe.worker.volume;

import io.cloe.schemas.FailureReason;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;

/**
 * From the volumes of a study to what the network sees: steps 1 to 3 of "From volumes to a mask" in BUNDLE.md, the
 * contract with the Python reference. Only the volumes given count: brain mask and crop depend on nothing else.
 *
 * <p>No volume is copied as a whole: the crop is gathered through strides that stand for flips and transpositions.
 * Immutable, for any number of threads.
 */
public final class StudyPreprocessor {
    private static final double LEAST_DEVIATION = 1e-8;
    private static final int WORD_BITS = Long.SIZE;
    private static final long FULL = -1;
    private static final float[] ZEROS = new float[WORD_BITS];

    private final Orientation orientation;
    private final int[] window; // x, y, z
    private final float clip;
    private final int maxVoxels;

    public StudyPreprocessor(PreprocessorSettings settings) {
        this.orientation = Orientation.parse(settings.orientation());
        this.window = new int[] {settings.windowWidth(), settings.windowHeight(), settings.windowDepth()};
        this.clip = (float) settings.clip();
        this.maxVoxels = settings.maxVoxels();
    }

    /**
     * Crops and normalises a study.
     *
     * @param volumes the volumes to use by modality, in bundle order; at least one
     * @throws VolumeException VOLUME_EMPTY, naming the modality, if a volume is 0 everywhere; GEOMETRY_MISMATCH, naming the
     *     modality, if a volume's grid is not that of the first ({@link GeometryCheck} tells beforehand which to leave
     *     out); STUDY_TOO_LARGE if the crop has more voxels than allowed
     * @throws IllegalArgumentException if there is no volume
     */
    public PreparedStudy prepare(LinkedHashMap<String, Volume> volumes) throws VolumeException {
        return prepare(volumes, Runnable::run);
    }

    /**
     * As {@link #prepare(LinkedHashMap)}, with the volumes' work done at the same time.
     *
     * @param executor runs tasks that do not wait for each other
     */
    public PreparedStudy prepare(LinkedHashMap<String, Volume> volumes, Executor executor) throws VolumeException {
        if (volumes.isEmpty()) {
            throw new IllegalArgumentException("a study has at least one volume");
        }
        List<Volume> all = List.copyOf(volumes.values());
        Grid grid = all.get(0).grid();
        List<Extent> extents = extents(volumes, grid, executor);
        VoxelOrder order = VoxelOrder.of(grid, orientation);
        Box crop = cropBox(order, extents);
        float[][] channels = new float[all.size()][];
        Parallel.each(
                channels.length, executor, i -> channels[i] = gather(all.get(i).voxels(), order, crop));
        return normalised(List.copyOf(volumes.keySet()), channels, grid, order, crop, executor);
    }

    private static List<Extent> extents(Map<String, Volume> volumes, Grid grid, Executor executor)
            throws VolumeException {
        List<Volume> all = List.copyOf(volumes.values());
        Box[] boxes = new Box[all.size()];
        Parallel.each(
                boxes.length,
                executor,
                i -> boxes[i] = Box.ofNonZero(
                                all.get(i).voxels(), all.get(i).grid().dims())
                        .orElse(null));
        List<Extent> extents = new ArrayList<>();
        for (Map.Entry<String, Volume> entry : volumes.entrySet()) {
            if (!entry.getValue().grid().matches(grid)) {
                throw VolumeException.permanent(
                                FailureReason.GEOMETRY_MISMATCH, "the volume's grid is not that of the study")
                        .ofModality(entry.getKey());
            }
            Box box = boxes[extents.size()];
            if (box == null) {
                throw empty().ofModality(entry.getKey());
            }
            extents.add(new Extent(box));
        }
        return extents;
    }

    private static VolumeException empty() {
        return VolumeException.permanent(FailureReason.VOLUME_EMPTY, "the volume is 0 everywhere");
    }

    /** Where a volume is not 0. */
    public static final class Extent {
        private final Box box;

        private Extent(Box box) {
            this.box = box;
        }

        private Box box() {
            return box;
        }
    }

    /**
     * Where a volume is not 0.
     *
     * @throws VolumeException VOLUME_EMPTY if it is 0 everywhere
     */
    public static Extent extent(Volume volume) throws VolumeException {
        return new Extent(Box.ofNonZero(volume.voxels(), volume.grid().dims()).orElseThrow(StudyPreprocessor::empty));
    }

    /** Voxels of the largest crop of a grid, along depth, height, width. */
    public int[] largestCrop(Grid grid) {
        int[] dims = VoxelOrder.of(grid, orientation).dims();
        return new int[] {Math.max(dims[2], window[2]), Math.max(dims[1], window[1]), Math.max(dims[0], window[0])};
    }

    /**
     * Voxels of a study's crop, along depth, height, width.
     *
     * @throws VolumeException STUDY_TOO_LARGE if it has more voxels than allowed
     */
    public int[] crop(Grid grid, Collection<Extent> extents) throws VolumeException {
        Box crop = cropBox(VoxelOrder.of(grid, orientation), extents);
        return new int[] {crop.size(2), crop.size(1), crop.size(0)};
    }

    private Box cropBox(VoxelOrder order, Collection<Extent> extents) throws VolumeException {
        Box brain = extents.stream().map(Extent::box).reduce(Box::union).orElseThrow();
        Box crop = order.view(brain).widenedTo(window, order.dims());
        if (crop.voxels() > maxVoxels) {
            throw VolumeException.tooLarge("the crop has more than " + maxVoxels + " voxels");
        }
        return crop;
    }

    /** Loads a volume when it is its turn. */
    public interface Loading {
        /** Loads it. */
        Volume load() throws VolumeException;
    }

    /**
     * As {@link #prepare(LinkedHashMap)}, with one volume in memory at a time.
     *
     * @param volumes how to load each, by modality, in bundle order; all on the grid
     * @param grid the study's grid
     * @param extents of every volume
     */
    public PreparedStudy prepareOneByOne(LinkedHashMap<String, Loading> volumes, Grid grid, Map<String, Extent> extents)
            throws VolumeException {
        VoxelOrder order = VoxelOrder.of(grid, orientation);
        Box crop = cropBox(order, extents.values());
        List<float[]> channels = new ArrayList<>();
        for (Map.Entry<String, Loading> entry : volumes.entrySet()) {
            try {
                channels.add(gather(entry.getValue().load().voxels(), order, crop));
            } catch (VolumeException e) {
                throw e.ofModality(entry.getKey());
            }
        }
        return normalised(
                List.copyOf(volumes.keySet()), channels.toArray(float[][]::new), grid, order, crop, Runnable::run);
    }

    private PreparedStudy normalised(
            List<String> modalities, float[][] channels, Grid grid, VoxelOrder order, Box crop, Executor executor) {
        long[] mask = nonZero(channels);
        long inside = 0;
        for (long bits : mask) {
            inside += Long.bitCount(bits);
        }
        long brain = inside;
        Parallel.each(channels.length, executor, i -> normalise(channels[i], mask, brain));
        var normalised = new NormalisedCrop(
                modalities, crop.size(2), crop.size(1), crop.size(0), channels, BitSet.valueOf(mask));
        return new PreparedStudy(normalised, grid, order, crop);
    }

    private static float[] gather(float[] voxels, VoxelOrder order, Box crop) {
        float[] channel = new float[(int) crop.voxels()];
        Box inside = crop.within(order.dims());
        int width = inside.size(0);
        int stride = order.strides()[0];
        for (int z = 0; z < inside.size(2); z++) {
            for (int y = 0; y < inside.size(1); y++) {
                int from = order.index(inside.low()[0], inside.low()[1] + y, inside.low()[2] + z);
                int to = (z * crop.size(1) + y) * crop.size(0);
                if (stride == 1) {
                    System.arraycopy(voxels, from, channel, to, width);
                } else {
                    for (int x = 0; x < width; x++) {
                        channel[to + x] = voxels[from + x * stride];
                    }
                }
            }
        }
        return channel;
    }

    /** One bit per voxel that is not 0 in any channel. */
    private static long[] nonZero(float[][] channels) {
        int voxels = channels[0].length;
        long[] mask = new long[(int) (((long) voxels + WORD_BITS - 1) / WORD_BITS)];
        for (float[] channel : channels) {
            for (int word = 0; word < mask.length; word++) {
                int start = word * WORD_BITS;
                int end = Math.min(start + WORD_BITS, voxels);
                // Most words are full after the first channel, or empty in all.
                boolean known = mask[word] == FULL || Arrays.mismatch(channel, start, end, ZEROS, 0, end - start) < 0;
                if (!known) {
                    mask[word] |= nonZero(channel, start, end);
                }
            }
        }
        return mask;
    }

    private static long nonZero(float[] channel, int start, int end) {
        long bits = 0;
        for (int i = start; i < end; i++) {
            bits |= (channel[i] != 0 ? 1L : 0L) << i; // a shift takes i modulo 64
        }
        return bits;
    }

    private void normalise(float[] channel, long[] mask, long inside) {
        double mean = sum(channel) / inside;
        double deviation = Math.sqrt(squaredDistances(channel, mask, mean) / inside);
        double divisor = Math.max(deviation, LEAST_DEVIATION);
        for (int word = 0; word < mask.length; word++) {
            long bits = mask[word];
            int start = word * WORD_BITS;
            int end = Math.min(start + WORD_BITS, channel.length);
            if (bits == 0) {
                // Outside the brain a voxel is 0 already, but it may be a negative zero.
                Arrays.fill(channel, start, end, 0);
                continue;
            }
            for (int i = start; i < end; i++) {
                float score = (float) ((channel[i] - mean) / divisor);
                channel[i] = score > clip ? clip : score < -clip ? -clip : score;
            }
            if (bits != FULL) {
                for (int i = start; i < end; i++) {
                    channel[i] = (bits >>> i & 1) == 0 ? 0 : channel[i];
                }
            }
        }
    }

    /**
     * Voxels outside the brain are 0 in every channel, so they need no exception. Partial sums round less than one, and four at a time
     * need not wait for each other.
     */
    private static double sum(float[] channel) {
        double sum = 0;
        for (int start = 0; start < channel.length; start += WORD_BITS) {
            int end = Math.min(start + WORD_BITS, channel.length);
            double a = 0;
            double b = 0;
            double c = 0;
            double d = 0;
            int i = start;
            for (; i + 4 <= end; i += 4) {
                a += channel[i];
                b += channel[i + 1];
                c += channel[i + 2];
                d += channel[i + 3];
            }
            for (; i < end; i++) {
                a += channel[i];
            }
            sum += a + b + (c + d);
        }
        return sum;
    }

    private static double squaredDistances(float[] channel, long[] mask, double centre) {
        double sum = 0;
        for (int word = 0; word < mask.length; word++) {
            long bits = mask[word];
            int start = word * WORD_BITS;
            if (bits == FULL) {
                sum += squaredDistances(channel, start, centre);
            } else if (bits != 0) {
                int end = Math.min(start + WORD_BITS, channel.length);
                double partial = 0;
                for (int i = start; i < end; i++) {
                    double distance = (bits >>> i & 1) == 0 ? 0 : channel[i] - centre;
                    partial += distance * distance;
                }
                sum += partial;
            }
        }
        return sum;
    }

    /** Of a whole word. */
    private static double squaredDistances(float[] channel, int start, double centre) {
        double even = 0;
        double odd = 0;
        for (int i = start; i < start + WORD_BITS; i += 2) {
            double one = channel[i] - centre;
            double other = channel[i + 1] - centre;
            even += one * one;
            odd += other * other;
        }
        return even + odd;
    }
}
