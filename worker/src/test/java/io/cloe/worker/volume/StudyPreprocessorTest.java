package io.cloe.worker.volume;

import static io.cloe.worker.volume.VolumeAssertions.MAX_VOXELS;
import static io.cloe.worker.volume.VolumeAssertions.refusal;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cloe.schemas.FailureReason;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

class StudyPreprocessorTest {
    private static final double[] LPS = {-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0};

    private static Volume volume(Grid grid, float... voxels) {
        return new Volume(grid, voxels, 0, 0);
    }

    private static StudyPreprocessor preprocessor(int depth, int height, int width) {
        return new StudyPreprocessor(new PreprocessorSettings("LPS", depth, height, width, 5, MAX_VOXELS));
    }

    private static LinkedHashMap<String, Volume> study(Volume... volumes) {
        var study = new LinkedHashMap<String, Volume>();
        for (int i = 0; i < volumes.length; i++) {
            study.put(List.of("T1", "T1CE", "T2", "FLAIR").get(i), volumes[i]);
        }
        return study;
    }

    /** Numbers of nibabel and numpy; see preprocessing_golden.py. */
    @TestFactory
    Stream<DynamicTest> shouldAgreeWithThePythonReferenceWhenPreparingAndRestoring() throws IOException {
        JsonNode cases =
                new ObjectMapper().readTree(StudyPreprocessorTest.class.getResource("preprocessing_golden.json"));
        var tests = new ArrayList<DynamicTest>();
        cases.forEach(
                item -> tests.add(DynamicTest.dynamicTest(item.get("name").asText(), () -> checkAgainstPython(item))));
        return tests.stream();
    }

    private static void checkAgainstPython(JsonNode item) throws VolumeException {
        int[] dims = ints(item.get("dims"));
        double[] affine = new double[12];
        for (int i = 0; i < 12; i++) {
            affine[i] = item.get("affine").get(i / 4).get(i % 4).asDouble();
        }
        var grid = new Grid(dims, affine, true);
        int[] window = ints(item.get("window"));
        var settings = new PreprocessorSettings(
                item.get("orientation").asText(),
                window[0],
                window[1],
                window[2],
                item.get("clip").asDouble(),
                MAX_VOXELS);
        JsonNode expected = item.get("expected");

        assertThat(grid.orientation()).isEqualTo(expected.get("stored").asText());
        PreparedStudy prepared = new StudyPreprocessor(settings)
                .prepare(study(volume(grid, formula(item, 0)), volume(grid, formula(item, 1))));
        NormalisedCrop crop = prepared.crop();
        assertThat(crop.modalities()).containsExactly("T1", "T1CE");
        assertThat(new int[] {crop.depth(), crop.height(), crop.width()}).containsExactly(ints(expected.get("shape")));
        assertThat(crop.brain().cardinality()).isEqualTo(expected.get("brain").asInt());
        assertThat(crop.brain().stream().sum())
                .isEqualTo(expected.get("brainIndexSum").asInt());
        for (int channel = 0; channel < 2; channel++) {
            float[] scores = crop.channels()[channel];
            JsonNode samples = expected.get("samples").get(channel);
            for (int i = 0; i < samples.size(); i++) {
                assertThat(scores[97 * i]).isCloseTo((float) samples.get(i).asDouble(), within(1e-6f));
            }
            double sum = 0;
            for (int i = 0; i < scores.length; i++) {
                sum += scores[i] * (double) (i % 101);
            }
            assertThat(sum).isCloseTo(expected.get("weightedSums").get(channel).asDouble(), within(1e-2));
        }

        byte[] labels = new byte[crop.voxels()];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = (byte) ((3 * i + i / 7) % 4);
        }
        byte[] restored = prepared.restore(labels);
        JsonNode samples = expected.get("restored");
        long sum = 0;
        for (int i = 0; i < restored.length; i++) {
            sum += (long) restored[i] * (i % 103);
            if (i % 31 == 0) {
                assertThat(restored[i]).as("voxel " + i).isEqualTo((byte)
                        samples.get(i / 31).asInt());
            }
        }
        assertThat(sum).isEqualTo(expected.get("restoredSum").asLong());
    }

    /** The formula of preprocessing_golden.py. */
    private static float[] formula(JsonNode item, int channel) {
        int[] dims = ints(item.get("dims"));
        int[] low = ints(item.get("low"));
        int[] high = ints(item.get("high"));
        float[] voxels = new float[dims[0] * dims[1] * dims[2]];
        for (int k = low[2] + channel; k < high[2]; k++) {
            for (int j = low[1] + channel; j < high[1]; j++) {
                for (int i = low[0] + channel; i < high[0]; i++) {
                    voxels[i + dims[0] * (j + dims[1] * k)] =
                            (7 * i + 13 * j * (channel + 1) + 29 * k + 5 * channel + i * j * k) % 41 - 9;
                }
            }
        }
        return voxels;
    }

    private static int[] ints(JsonNode array) {
        return IntStream.range(0, array.size()).map(i -> array.get(i).asInt()).toArray();
    }

    @Test
    void shouldTakeNegativeVoxelsForBrainWhenNormalising() throws VolumeException {
        var grid = new Grid(new int[] {4, 1, 1}, LPS, true);
        NormalisedCrop crop =
                preprocessor(1, 1, 1).prepare(study(volume(grid, 0, -1, 3, 0))).crop();
        assertThat(crop.width()).isEqualTo(2);
        assertThat(crop.brain().cardinality()).isEqualTo(2);
        assertThat(crop.channels()[0]).containsExactly(-1, 1); // mean 1, deviation 2
    }

    @Test
    void shouldCountZerosOfAVolumeWhenAnotherVolumeShowsBrainThere() throws VolumeException {
        var grid = new Grid(new int[] {4, 1, 1}, LPS, true);
        NormalisedCrop crop = preprocessor(1, 1, 1)
                .prepare(study(volume(grid, 0, 4, 0, 0), volume(grid, 0, 1, 1, 0)))
                .crop();
        assertThat(crop.channels()[0]).containsExactly(1, -1); // mean 2 over both voxels
        assertThat(crop.channels()[1]).containsExactly(0, 0); // no deviation: no division by zero
    }

    @Test
    void shouldDependOnTheVolumesGivenOnlyWhenModalitiesAreMissing() throws VolumeException {
        var grid = new Grid(new int[] {4, 1, 1}, LPS, true);
        NormalisedCrop crop =
                preprocessor(1, 1, 1).prepare(study(volume(grid, 0, 4, 0, 0))).crop();
        assertThat(crop.voxels()).isEqualTo(1);
    }

    @Test
    void shouldClipWhenAScoreIsFarFromTheMean() throws VolumeException {
        float[] voxels = new float[100];
        Arrays.fill(voxels, 1);
        voxels[0] = 1000;
        var grid = new Grid(new int[] {100, 1, 1}, LPS, true);
        NormalisedCrop crop =
                preprocessor(1, 1, 1).prepare(study(volume(grid, voxels))).crop();
        assertThat(crop.channels()[0][0]).isEqualTo(5); // unclipped: 9.95
    }

    @Test
    void shouldPadAtTheHighEndWhenTheVolumeIsShorterThanTheWindow() throws VolumeException {
        var grid = new Grid(new int[] {2, 1, 1}, new double[] {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0}, true);
        PreparedStudy prepared = preprocessor(2, 2, 4).prepare(study(volume(grid, 1, 3)));
        // RAS to LPS turns x round; padding stays at the high end of the model's x.
        assertThat(prepared.crop().channels()[0]).startsWith(1, -1, 0, 0).hasSize(16);
        byte[] labels = new byte[16];
        Arrays.fill(labels, (byte) 3);
        labels[0] = 2;
        assertThat(prepared.restore(labels)).containsExactly(3, 2);
    }

    @Test
    void shouldNameTheModalityWhenAVolumeIsEmpty() {
        var grid = new Grid(new int[] {2, 1, 1}, LPS, true);
        VolumeException refusal =
                refusal(() -> preprocessor(1, 1, 1).prepare(study(volume(grid, 1, 2), volume(grid, 0, 0))));
        assertThat(refusal.reason()).isEqualTo(FailureReason.VOLUME_EMPTY);
        assertThat(refusal.modality()).contains("T1CE");
        assertThat(refusal.retriable()).isFalse();
    }

    @Test
    void shouldNameTheModalityWhenAGridIsNotTheStudys() {
        var grid = new Grid(new int[] {2, 1, 1}, LPS, true);
        var other = new Grid(new int[] {1, 2, 1}, LPS, true);
        VolumeException refusal =
                refusal(() -> preprocessor(1, 1, 1).prepare(study(volume(grid, 1, 2), volume(other, 1, 2))));
        assertThat(refusal.reason()).isEqualTo(FailureReason.GEOMETRY_MISMATCH);
        assertThat(refusal.modality()).contains("T1CE");
    }

    @Test
    void shouldRefuseWhenTheCropExceedsTheLimit() {
        var grid = new Grid(new int[] {2000, 1, 1}, LPS, true);
        float[] voxels = new float[2000];
        Arrays.fill(voxels, 1);
        VolumeException refusal = refusal(() -> preprocessor(20_000, 20_000, 1).prepare(study(volume(grid, voxels))));
        assertThat(refusal.reason()).isEqualTo(FailureReason.STUDY_TOO_LARGE);
    }

    @Test
    void shouldRejectTheCallWhenItMakesNoSense() throws VolumeException {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> preprocessor(1, 1, 1).prepare(study()));
        var grid = new Grid(new int[] {2, 1, 1}, LPS, true);
        PreparedStudy prepared = preprocessor(1, 1, 1).prepare(study(volume(grid, 1, 2)));
        assertThatIllegalArgumentException().isThrownBy(() -> prepared.restore(new byte[3]));
        assertThatIllegalArgumentException().isThrownBy(() -> new PreprocessorSettings("LPP", 1, 1, 1, 5, 1));
        assertThatIllegalArgumentException().isThrownBy(() -> new PreprocessorSettings("LPS", 1, 0, 1, 5, 1));
        assertThatIllegalArgumentException().isThrownBy(() -> new PreprocessorSettings("LPS", 1, 1, 1, Double.NaN, 1));
    }
}
