package io.cloe.worker.execution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class FloorShareTest {

    private static final long SECOND = 1_000_000_000;

    @Test
    void shouldOweNothingWhenNothingRan() {
        assertThat(new FloorShare(0.1).isDue()).isFalse();
    }

    @Test
    void shouldNeverBeDueWhenTheShareIsZero() {
        FloorShare none = new FloorShare(0);
        none.worked(PriorityClass.LIVE, 1_000 * SECOND);
        assertThat(none.isDue()).isFalse();
    }

    @Test
    void shouldGetItsShareWhenLiveStudiesLeaveNoGap() {
        FloorShare floor = new FloorShare(0.1);
        int reprocessed = 0;
        for (int i = 0; i < 1_000; i++) {
            boolean due = floor.isDue();
            reprocessed += due ? 1 : 0;
            floor.worked(due ? PriorityClass.REPROCESS : PriorityClass.LIVE, 2 * SECOND);
        }
        assertThat(reprocessed / 1_000.0).isCloseTo(0.1, within(0.005));
    }

    @Test
    void shouldBeDueNoLongerThanAPaidSecondWhenLiveStudiesRanForLong() {
        FloorShare floor = new FloorShare(0.5);
        floor.worked(PriorityClass.LIVE, 1_000 * SECOND);
        floor.worked(PriorityClass.REPROCESS, SECOND);
        assertThat(floor.isDue()).isTrue();
        floor.worked(PriorityClass.REPROCESS, SECOND);
        assertThat(floor.isDue()).isFalse();
    }

    @Test
    void shouldBeDueAfterAMinuteOfSavingsWhenItRanAllNight() {
        FloorShare floor = new FloorShare(0.5);
        floor.worked(PriorityClass.REPROCESS, 10_000 * SECOND);
        floor.worked(PriorityClass.LIVE, 119 * SECOND);
        assertThat(floor.isDue()).isFalse();
        floor.worked(PriorityClass.LIVE, 2 * SECOND);
        assertThat(floor.isDue()).isTrue();
    }

    @Test
    void shouldNotOvertakeWhenItGotMoreThanItsShareInTheGaps() {
        FloorShare floor = new FloorShare(0.1);
        for (int i = 0; i < 100; i++) {
            floor.worked(PriorityClass.LIVE, SECOND);
            floor.worked(PriorityClass.REPROCESS, SECOND);
            assertThat(floor.isDue()).isFalse();
        }
    }
}
