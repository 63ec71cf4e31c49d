package io.cloe.worker.inference;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.worker.bundle.WindowShape;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class WindowPlanTest {

    @Test
    void shouldStartAsTheContractSaysWhenTheCropIsNoMultipleOfTheStride() {
        assertThat(WindowPlan.starts(150, 64, 0.5)).containsExactly(0, 32, 64, 86);
        assertThat(WindowPlan.starts(128, 64, 0.5)).containsExactly(0, 32, 64);
        assertThat(WindowPlan.starts(65, 64, 0.5)).containsExactly(0, 1);
        assertThat(WindowPlan.starts(64, 64, 0.5)).containsExactly(0);
        assertThat(WindowPlan.starts(20, 8, 0)).containsExactly(0, 8, 12);
    }

    @Property
    void shouldCoverEveryVoxelInsideTheCropWhenTheSizesAreArbitrary(
            @ForAll @IntRange(min = 1, max = 16) int eights,
            @ForAll @IntRange(max = 400) int more,
            @ForAll @DoubleRange(max = 0.87) double overlap) {
        int window = 8 * eights;
        int size = window + more;

        int[] starts = WindowPlan.starts(size, window, overlap);

        assertThat(starts[0]).isZero();
        assertThat(starts[starts.length - 1]).isEqualTo(size - window);
        for (int i = 1; i < starts.length; i++) {
            assertThat(starts[i]).isGreaterThan(starts[i - 1]).isLessThanOrEqualTo(starts[i - 1] + window);
        }
    }

    @Test
    void shouldCountTheWindowsWhenAllAxesHaveSeveral() {
        assertThat(WindowPlan.of(new WindowShape(8, 16, 24), 0.5, 13, 16, 60).windows())
                .isEqualTo(3 * 1 * 4);
    }
}
