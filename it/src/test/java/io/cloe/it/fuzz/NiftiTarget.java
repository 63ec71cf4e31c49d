package io.cloe.it.fuzz;

import io.cloe.worker.volume.NiftiReader;
import io.cloe.worker.volume.PreprocessorSettings;
import io.cloe.worker.volume.StudyPreprocessor;
import io.cloe.worker.volume.Volume;
import io.cloe.worker.volume.VolumeException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.zip.GZIPOutputStream;

/** Volumes: read, and prepared for the network. */
final class NiftiTarget implements FuzzTarget {

    private static final int MOST_VOXELS = 1 << 18;
    private static final int WINDOW = 16;

    /** What deflate makes of a byte at most. */
    private static final long BEST_COMPRESSION = 1_032;

    private static final long BUFFERS = 1 << 20;

    /** A crop is no smaller than a window, and is held as floats and as a mask. */
    private static final long SMALLEST_CROP_BYTES = 8L * WINDOW * WINDOW * WINDOW;

    private final String name;
    private final boolean compress;
    private final NiftiReader reader = new NiftiReader(MOST_VOXELS);
    private final StudyPreprocessor preprocessor =
            new StudyPreprocessor(new PreprocessorSettings("LPS", WINDOW, WINDOW, WINDOW, 5, MOST_VOXELS));

    private NiftiTarget(String name, boolean compress) {
        this.name = name;
        this.compress = compress;
    }

    /** The input is the file. */
    static NiftiTarget plain() {
        return new NiftiTarget("nifti", false);
    }

    /** The input is what the file holds once it is inflated; so a changed header does not end as damaged gzip data. */
    static NiftiTarget compressed() {
        return new NiftiTarget("nifti-gz", true);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Outcome feed(byte[] input) throws Exception {
        byte[] file = compress ? gzip(input) : input;
        try {
            Volume volume = reader.read(new ByteArrayInputStream(file), file.length);
            for (float voxel : volume.voxels()) {
                if (!Float.isFinite(voxel)) {
                    throw new ViolationException("a voxel is not finite");
                }
            }
            LinkedHashMap<String, Volume> study = new LinkedHashMap<>();
            study.put("T1", volume);
            preprocessor.prepare(study);
            return Outcome.ACCEPTED;
        } catch (VolumeException e) {
            return Outcome.REFUSED;
        }
    }

    private static byte[] gzip(byte[] bytes) throws IOException {
        ByteArrayOutputStream file = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(file)) {
            out.write(bytes);
        }
        return file.toByteArray();
    }

    /** Voxels as floats twice, whole and as a crop, but no more of them than the file can hold or the limit allows. */
    @Override
    public long allowance(byte[] input) {
        long held = compress ? input.length : input.length * BEST_COMPRESSION;
        return BUFFERS + SMALLEST_CROP_BYTES + 4L * input.length + 12L * Math.min(MOST_VOXELS, held);
    }
}
