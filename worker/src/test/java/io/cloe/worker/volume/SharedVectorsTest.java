package io.cloe.worker.volume;

import static io.cloe.worker.volume.VolumeAssertions.refusal;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cloe.schemas.FailureReason;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The NIfTI vectors beside the repository, written and checked by tools that share nothing with this reader. */
class SharedVectorsTest {
    private static final int VECTORS = 80;

    /** Where the manifest leaves a choice, or says only that a file is bad: the reason that this reader gives. */
    private static final Map<String, FailureReason> REFUSED = Map.ofEntries(
            Map.entry("bad_gz_truncated.nii.gz", FailureReason.VOLUME_CORRUPT),
            Map.entry("bad_crc.nii.gz", FailureReason.VOLUME_CORRUPT),
            Map.entry("bad_short_data.nii", FailureReason.VOLUME_CORRUPT),
            Map.entry("bad_magic.nii", FailureReason.VOLUME_CORRUPT),
            Map.entry("bad_dim0_9.nii", FailureReason.VOLUME_CORRUPT),
            Map.entry("bad_neg_dim.nii", FailureReason.VOLUME_CORRUPT),
            Map.entry("bad_huge_dim.nii", FailureReason.STUDY_TOO_LARGE),
            Map.entry("bad_datatype_0.nii", FailureReason.VOLUME_CORRUPT),
            Map.entry("empty.nii", FailureReason.VOLUME_CORRUPT),
            Map.entry("vox_offset_0_means_352.nii", FailureReason.VOLUME_CORRUPT),
            Map.entry("dim4_2.nii", FailureReason.VOLUME_UNSUPPORTED),
            Map.entry("pair.hdr", FailureReason.VOLUME_UNSUPPORTED),
            Map.entry("pair.img", FailureReason.VOLUME_CORRUPT));

    private final Path folder = SharedData.folder("nifti-vectors");
    private final JsonNode manifest = manifest();

    private JsonNode manifest() {
        try {
            return new ObjectMapper().readTree(folder.resolve("manifest.json").toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void shouldKnowEveryVectorWhenReadingTheManifest() {
        assertThat(manifest.size()).isEqualTo(VECTORS);
        assertThat(REFUSED.keySet()).allMatch(manifest::has);
        manifest.properties().stream()
                .filter(entry ->
                        entry.getValue().has("error") && !entry.getKey().equals("bad_bitpix.nii"))
                .forEach(entry -> assertThat(REFUSED).containsKey(entry.getKey()));
    }

    @TestFactory
    Stream<DynamicTest> shouldReadOrRefuseAsTheManifestSaysWhenGivenAVector() {
        return manifest.properties().stream()
                .map(entry -> DynamicTest.dynamicTest(entry.getKey(), () -> check(entry.getKey(), entry.getValue())));
    }

    private void check(String name, JsonNode expected) throws Exception {
        byte[] file = Files.readAllBytes(folder.resolve(name));
        if (REFUSED.containsKey(name)) {
            VolumeException refusal = refusal(() -> VolumeAssertions.read(file));
            assertThat(refusal.reason()).as(refusal.getMessage()).isEqualTo(REFUSED.get(name));
            return;
        }
        Volume volume = VolumeAssertions.read(file);
        if (expected.has("shape")) {
            assertThat(volume.grid().dims()).containsExactly(ints(expected.get("shape")));
        }
        if (expected.has("affine")) {
            checkAffine(volume.grid(), expected.get("affine"));
        }
        if (expected.has("first3")) {
            for (int i = 0; i < 3; i++) {
                assertThat(volume.voxels()[i])
                        .isEqualTo((float) expected.get("first3").get(i).asDouble());
            }
            double sum = 0;
            for (float voxel : volume.voxels()) {
                sum += voxel;
            }
            assertThat(sum).isCloseTo(expected.get("sum").asDouble(), within(1e-4));
        }
        if (expected.has("axcodes")) {
            checkOrientation(volume, expected);
        }
        if (name.equals("nan_inf_float.nii")) {
            assertThat(volume.nonFinite()).isPositive();
            assertThat(volume.flags()).contains(VolumeFlag.NON_FINITE_VOXELS);
        }
    }

    private static void checkAffine(Grid grid, JsonNode expected) {
        assertThat(grid.orientationKnown()).isEqualTo(!expected.isNull());
        for (int i = 0; i < 12 && !expected.isNull(); i++) {
            assertThat(grid.affine()[i])
                    .isCloseTo(expected.get(i / 4).get(i % 4).asDouble(), within(1e-6));
        }
    }

    /** Crops to the whole volume in RAS order; z-scores are then undone to compare intensities. */
    private static void checkOrientation(Volume volume, JsonNode expected) throws VolumeException {
        assertThat(volume.grid().orientation())
                .isEqualTo(expected.get("axcodes").asText());
        var study = new LinkedHashMap<String, Volume>();
        study.put("T1", volume);
        int[] shape = ints(expected.get("ras_shape"));
        var settings = new PreprocessorSettings("RAS", shape[2], shape[1], shape[0], 100, 1000);
        NormalisedCrop crop = new StudyPreprocessor(settings).prepare(study).crop();
        assertThat(new int[] {crop.width(), crop.height(), crop.depth()}).containsExactly(shape);
        double[] statistics = statistics(volume.voxels());
        for (int i = 0; i < 3; i++) {
            double intensity = crop.brain().get(i) ? crop.channels()[0][i] * statistics[1] + statistics[0] : 0;
            assertThat(intensity).isCloseTo(expected.get("ras_first3").get(i).asDouble(), within(1e-3));
        }
    }

    private static double[] statistics(float[] voxels) {
        double sum = 0;
        double squares = 0;
        int inside = 0;
        for (float voxel : voxels) {
            if (voxel != 0) {
                sum += voxel;
                squares += (double) voxel * voxel;
                inside++;
            }
        }
        double mean = sum / inside;
        return new double[] {mean, Math.sqrt(squares / inside - mean * mean)};
    }

    private static int[] ints(JsonNode array) {
        int[] values = new int[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.get(i).asInt();
        }
        return values;
    }
}
