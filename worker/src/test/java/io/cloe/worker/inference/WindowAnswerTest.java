package io.cloe.worker.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class WindowAnswerTest {

    /** Two classes, two voxels: class 0 wins in the first, class 1 in the second. */
    private static final WindowAnswer ANSWER = answer(0.75f, 0.25f, 0.25f, 0.75f);

    @Test
    void shouldBeNoDistanceApartWhenTheAnswersAreEqual() {
        assertThat(ANSWER.farthest(ANSWER)).isZero();
        assertThat(ANSWER.farthestScore(ANSWER)).isZero();
        assertThat(ANSWER.equalLabels(ANSWER, 2)).isEqualTo(1);
    }

    @Test
    void shouldNameTheLargestDifferenceAndThePartOfEqualLabels() {
        WindowAnswer other = answer(0.5f, 0.75f, 0.5f, 0.25f);

        assertThat(ANSWER.farthest(other)).isCloseTo(0.5, within(1e-9));
        assertThat(ANSWER.equalLabels(other, 2)).isEqualTo(0.5);
    }

    @Test
    void shouldNotPassAsCloseWhenANumberIsNone() {
        assertThat(ANSWER.farthest(answer(0.75f, Float.NaN, 0.25f, 0.75f))).isNaN();
    }

    private static WindowAnswer answer(float... probabilities) {
        return new WindowAnswer(probabilities, new float[] {1}, 0);
    }
}
