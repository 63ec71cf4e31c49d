package io.cloe.worker.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GridTest {
    private static final int[] DIMS = {5, 4, 3};

    private static Grid standard() {
        return new Grid(DIMS, NiftiBytes.AFFINE, true);
    }

    private static Grid changed(int number, double by) {
        double[] affine = NiftiBytes.AFFINE.clone();
        affine[number] += by;
        return new Grid(DIMS, affine, true);
    }

    @Test
    void shouldTellSizesWhenTheGridIsOblique() {
        double[] affine = {0.6, -1.6, 0, 1, 0.8, 1.2, 0, 2, 0, 0, 3, 3};
        var grid = new Grid(DIMS, affine, true);
        assertThat(grid.spacingMm()).containsExactly(new double[] {1, 2, 3}, within(1e-12));
        assertThat(grid.voxelVolumeMl()).isCloseTo(0.006, within(1e-12));
        assertThat(grid.voxels()).isEqualTo(60);
    }

    @Test
    void shouldMatchWhenNumbersDifferByRounding() {
        assertThat(standard().matches(changed(3, 9e-4))).isTrue();
        assertThat(standard().matches(changed(0, -9e-4))).isTrue();
        assertThat(standard().matches(changed(3, 2e-3))).isFalse();
        assertThat(standard().matches(changed(1, 2e-3))).isFalse();
        assertThat(standard().matches(new Grid(new int[] {5, 4, 4}, NiftiBytes.AFFINE, true)))
                .isFalse();
    }

    @Test
    void shouldBeEqualWhenOnlyTheSignOfAZeroDiffers() {
        double[] affine = NiftiBytes.AFFINE.clone();
        affine[1] = -0.0;
        var grid = new Grid(DIMS, affine, true);
        assertThat(grid).isEqualTo(standard()).hasSameHashCodeAs(standard());
        assertThat(grid).isNotEqualTo(new Grid(DIMS, affine, false));
    }

    @Test
    void shouldStayTheSameWhenArraysGivenOrTakenAreWrittenTo() {
        int[] dims = DIMS.clone();
        double[] affine = NiftiBytes.AFFINE.clone();
        var grid = new Grid(dims, affine, true);
        dims[0] = 99;
        affine[0] = 99;
        grid.dims()[1] = 99;
        grid.affine()[1] = 99;
        assertThat(grid).isEqualTo(standard());
    }

    @Test
    void shouldRejectWhenNumbersAreOutOfRange() {
        for (int[] dims : new int[][] {{5, 4}, {5, 0, 3}, {5, -4, 3}, {32768, 1, 1}}) {
            assertThatIllegalArgumentException().isThrownBy(() -> new Grid(dims, NiftiBytes.AFFINE, true));
        }
        for (double[] affine : new double[][] {new double[11], new double[12], {1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0}}) {
            assertThatIllegalArgumentException().isThrownBy(() -> new Grid(DIMS, affine, true));
        }
    }

    /** Expected codes by nibabel.aff2axcodes. */
    @ParameterizedTest
    @CsvSource({
        "1 0 0 0 1 0 0 0 1, RAS",
        "-1 0 0 0 -1 0 0 0 1, LPS",
        "0 0 -1 1 0 0 0 1 0, ASL",
        "-1.5 0.1 0.05 0.05 -0.2 2.0 0.1 -1.2 -0.15, LIA",
        "0.8 -0.7 0 0.75 0.9 0.35 0.1 -0.2 -1.6, RAI",
        "0.9 0.8 0 0.1 0.5 0 0 0 2, RAS",
        "0.5 0.9 0.1 0.6 0.2 0.4 0.7 0.4 -0.8, ARI",
        "1 5 0 0 1 0 0 0 1, RAS"
    })
    void shouldNameTheNearestAxesWhenTheGridIsObliqueOrSheared(String linear, String expected) {
        double[] affine = new double[12];
        String[] numbers = linear.split(" ");
        for (int i = 0; i < 9; i++) {
            affine[4 * (i / 3) + i % 3] = Double.parseDouble(numbers[i]);
        }
        assertThat(new Grid(DIMS, affine, true).orientation()).isEqualTo(expected);
    }
}
