package io.cloe.worker.inference;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.worker.bundle.BundleFixture;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.inference.CropSegmentation.Tiling;
import io.cloe.worker.volume.NormalisedCrop;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ReviewFlagsTest {

    private static final ModelBundle BUNDLE = BundleFixture.openTiny();
    private static final double[] MILLIMETRE = {1, 1, 1};
    private static final int SIDE = 20;

    @Test
    void shouldAddUpRegionsFromTheirClassesWhenVoxelsAreCounted() {
        RegionVolumes volumes = RegionVolumes.of(BUNDLE, new long[] {1_000_000, 250, 1_500}, 2.0);

        assertThat(volumes.classes()).containsExactly(Map.entry("CORE", 0.5), Map.entry("RIM", 3.0));
        assertThat(volumes.regions()).containsExactly(Map.entry("WHOLE", 3.5), Map.entry("CORE", 0.5));
        assertThat(volumes.foreground()).isEqualTo(3.5);
    }

    @Test
    void shouldCodeTheMaskAsTheBundleSaysWhenIndexAndLabelDiffer() {
        CropSegmentation segmentation =
                new CropSegmentation(new byte[] {0, 1, 2, 2}, List.of(), false, Tiling.WINDOWS, 1, 1);

        assertThat(segmentation.maskLabels(BUNDLE)).containsExactly(0, 1, 4, 4);
        assertThat(segmentation.voxelsPerClass(BUNDLE)).containsExactly(1, 1, 2);
    }

    @Test
    void shouldOnlyTellThatTheModelIsADemonstrationWhenAllIsWell() {
        assertThat(flags(block(5, 15, 1), MILLIMETRE, trust(0.3, 0.9))).containsExactly(ReviewFlag.DEMONSTRATION_MODEL);
    }

    @Test
    void shouldFlagWhenNothingWasFound() {
        assertThat(flags(new byte[SIDE * SIDE * SIDE], MILLIMETRE, trust(0.3, 0.9)))
                .containsExactlyInAnyOrder(ReviewFlag.DEMONSTRATION_MODEL, ReviewFlag.REGION_EMPTY);
    }

    @Test
    void shouldFlagWhenSizesAreImplausible() {
        assertThat(flags(block(5, 8, 1), MILLIMETRE, trust(0.3, 0.9))).contains(ReviewFlag.SMALL_REGION);
        assertThat(flags(block(1, 19, 1), new double[] {5, 5, 5}, trust(0.3, 0.9)))
                .contains(ReviewFlag.VOLUME_IMPLAUSIBLE, ReviewFlag.SPACING_OUT_OF_RANGE);
    }

    @Test
    void shouldFlagTheEdgeOfTheVolumeButNotOfTheCrop() {
        byte[] atCropEdge = block(0, 10, 1);
        FieldOfView larger = new FieldOfView(-5, 40, -5, 40, -5, 40);
        FieldOfView padded = new FieldOfView(-5, 10, -5, 40, -5, 40);

        assertThat(flags(atCropEdge, FieldOfView.wholeCrop(SIDE, SIDE, SIDE), MILLIMETRE, trust(0.3, 0.9)))
                .contains(ReviewFlag.MASK_TOUCHES_EDGE);
        assertThat(flags(atCropEdge, larger, MILLIMETRE, trust(0.3, 0.9))).doesNotContain(ReviewFlag.MASK_TOUCHES_EDGE);
        assertThat(flags(atCropEdge, padded, MILLIMETRE, trust(0.3, 0.9))).contains(ReviewFlag.MASK_TOUCHES_EDGE);
    }

    @Test
    void shouldFlagTheWeightsOnlyWhenThereIsAChoice() {
        assertThat(flags(block(5, 15, 1), MILLIMETRE, trust(0.95, 0.9))).contains(ReviewFlag.WEIGHT_DOMINATES);
        assertThat(flags(
                        block(5, 15, 1),
                        MILLIMETRE,
                        new GateScores(1)
                                .trust(BundleFixture.openTiny()
                                        .graph(List.of("T1"))
                                        .orElseThrow())))
                .containsExactly(ReviewFlag.DEMONSTRATION_MODEL);
        assertThat(flags(block(5, 15, 1), MILLIMETRE, trust(0.3, 0.2))).contains(ReviewFlag.LOW_CONSISTENCY);
    }

    private static Set<ReviewFlag> flags(byte[] classes, double[] spacing, List<ModalityTrust> trust) {
        return flags(classes, new FieldOfView(-9, 99, -9, 99, -9, 99), spacing, trust);
    }

    private static Set<ReviewFlag> flags(
            byte[] classes, FieldOfView field, double[] spacing, List<ModalityTrust> trust) {
        NormalisedCrop crop = new NormalisedCrop(List.of("T1"), SIDE, SIDE, SIDE, new float[1][0], new BitSet());
        CropSegmentation segmentation = new CropSegmentation(classes, trust, true, Tiling.WINDOWS, 1, 1);
        return ReviewFlags.of(BUNDLE, crop, field, segmentation, spacing, ReviewLimits.defaults());
    }

    /** A cube of one class in a crop of background. */
    private static byte[] block(int from, int to, int value) {
        byte[] classes = new byte[SIDE * SIDE * SIDE];
        for (int z = from; z < to; z++) {
            for (int y = from; y < to; y++) {
                for (int x = from; x < to; x++) {
                    classes[(z * SIDE + y) * SIDE + x] = (byte) value;
                }
            }
        }
        return classes;
    }

    private static List<ModalityTrust> trust(double weight, double consistency) {
        Optional<Estimate> score = Optional.of(new Estimate(consistency, 0));
        double rest = (1 - weight) / 2;
        return List.of(
                new ModalityTrust("T1", new Estimate(weight, 0), score, score),
                new ModalityTrust("T2", new Estimate(rest, 0), score, score),
                new ModalityTrust("FLAIR", new Estimate(rest, 0), score, score));
    }
}
