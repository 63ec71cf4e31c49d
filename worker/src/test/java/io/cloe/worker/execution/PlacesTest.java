package io.cloe.worker.execution;

import static io.cloe.worker.execution.PriorityClass.LIVE;
import static io.cloe.worker.execution.PriorityClass.REPROCESS;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Two studies of a class are read at a time, and there is one device: three places. */
class PlacesTest {

    private static final long SECOND = 1_000_000_000;

    private final FloorShare floor = new FloorShare(0.1);
    private final Places places = new Places(2, 1, floor);

    private boolean enters(PriorityClass worth) {
        return places.tryEnter(worth);
    }

    private void entersAndIsRead(PriorityClass worth) {
        assertThat(enters(worth)).as("%s enters", worth).isTrue();
        places.wasRead(worth);
    }

    private void passes(PriorityClass worth) {
        entersAndIsRead(worth);
        places.leave(worth);
    }

    @Test
    void shouldHaveAPlaceForAllThatMayBeReadAndOnePerDevice() {
        for (PriorityClass worth : PriorityClass.values()) {
            Places empty = new Places(2, 1, floor);
            for (int i = 0; i < 3; i++) {
                assertThat(empty.tryEnter(worth)).isTrue();
                empty.wasRead(worth);
            }
            assertThat(empty.tryEnter(worth)).isFalse();
            empty.leave(worth);
            assertThat(empty.tryEnter(worth)).isTrue();
        }
    }

    @Test
    void shouldLetNoMoreBeReadAtATimeThanAllowed() {
        assertThat(enters(LIVE)).isTrue();
        assertThat(enters(LIVE)).isTrue();
        assertThat(enters(LIVE)).isFalse();
        places.wasRead(LIVE);
        assertThat(enters(LIVE)).isTrue();
    }

    @Test
    void shouldLetAllLiveStudiesInThatThereArePlacesForWhenReprocessingHoldsItsOwn() {
        entersAndIsRead(REPROCESS);
        assertThat(enters(REPROCESS)).isTrue();
        assertThat(enters(REPROCESS)).isTrue();

        entersAndIsRead(LIVE);
        entersAndIsRead(LIVE);
        entersAndIsRead(LIVE);
    }

    @Test
    void shouldReprocessOneAtATimeWhenALiveStudyIsHere() {
        entersAndIsRead(LIVE);

        entersAndIsRead(REPROCESS);
        assertThat(enters(REPROCESS)).isFalse();
        places.leave(REPROCESS);
        entersAndIsRead(REPROCESS);
        assertThat(enters(REPROCESS)).isFalse();
    }

    @Test
    void shouldBeginToReprocessNothingWhenALiveStudyIsReadUnlessItIsDue() {
        assertThat(enters(LIVE)).isTrue();
        assertThat(enters(REPROCESS)).isFalse();

        floor.worked(LIVE, SECOND);
        assertThat(enters(REPROCESS)).isTrue();
    }

    @Test
    void shouldReprocessOneAtATimeWhenALiveStudyHasLeftUntilOneHasPassedUndisturbed() {
        passes(LIVE);
        entersAndIsRead(REPROCESS);
        assertThat(enters(REPROCESS)).isFalse();

        passes(LIVE);
        places.leave(REPROCESS);
        entersAndIsRead(REPROCESS);
        assertThat(enters(REPROCESS)).as("a live study came meanwhile").isFalse();

        places.leave(REPROCESS);
        entersAndIsRead(REPROCESS);
        assertThat(enters(REPROCESS)).as("one has passed undisturbed").isTrue();
    }

    @Test
    void shouldReprocessOneAtATimeWhenTheOneBeforeWasHereWithALiveStudyThatHasLeft() {
        entersAndIsRead(LIVE);
        entersAndIsRead(REPROCESS);
        places.leave(LIVE);
        places.leave(REPROCESS);

        entersAndIsRead(REPROCESS);
        assertThat(enters(REPROCESS)).isFalse();
    }

    @Test
    void shouldLetNoOtherInWhenALiveStudyComesUntilAllThatAreReprocessedHaveLeft() {
        entersAndIsRead(REPROCESS);
        entersAndIsRead(REPROCESS);
        passes(LIVE);

        places.leave(REPROCESS);
        assertThat(enters(REPROCESS)).isFalse();
        places.leave(REPROCESS);
        assertThat(enters(REPROCESS)).isTrue();
    }

    @Test
    void shouldReadTheNextMeanwhileWhenReprocessingIsDueButOneAtATime() {
        entersAndIsRead(LIVE);
        entersAndIsRead(REPROCESS);
        assertThat(enters(REPROCESS)).isFalse();

        floor.worked(LIVE, SECOND);
        assertThat(enters(REPROCESS)).isTrue();
        assertThat(enters(REPROCESS)).as("one is being read").isFalse();
        places.wasRead(REPROCESS);
        assertThat(enters(REPROCESS)).isTrue();
        places.wasRead(REPROCESS);
        assertThat(enters(REPROCESS)).as("all places are taken").isFalse();
    }
}
