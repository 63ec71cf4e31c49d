package io.cloe.worker.results;

import static io.cloe.worker.results.Results.gating;
import static io.cloe.worker.results.Results.segmentation;
import static io.cloe.worker.results.Results.weights;
import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.TaskClaim;
import org.junit.jupiter.api.Test;

class ResultPairingTest {

    private final ResultPairing pairing = new ResultPairing();
    private final Segmentation first = segmentation("a", 0);
    private final GatingWeights itsWeights = weights("a", 0, gating("T1", 1, null, null));

    @Test
    void shouldCompleteAResultWhenTheWeightsComeLast() {
        assertThat(pairing.add(first)).isEmpty();
        assertThat(pairing.add(itsWeights)).contains(new ResultPairing.Result(first, itsWeights));
    }

    @Test
    void shouldCompleteAResultWhenTheWeightsComeFirst() {
        assertThat(pairing.add(itsWeights)).isEmpty();
        assertThat(pairing.add(first)).contains(new ResultPairing.Result(first, itsWeights));
    }

    @Test
    void shouldKeepStudiesAndRevisionsApartWhenTheyAreMixed() {
        assertThat(pairing.add(first)).isEmpty();
        assertThat(pairing.add(weights("a", 1))).isEmpty();
        assertThat(pairing.add(weights("b", 0))).isEmpty();
        assertThat(pairing.add(itsWeights)).isPresent();
        assertThat(pairing.add(segmentation("b", 0))).isPresent();
        assertThat(pairing.add(segmentation("a", 1))).isPresent();
    }

    @Test
    void shouldGiveAResultOnceWhenOneHalfComesAgain() {
        pairing.add(first);
        pairing.add(itsWeights);

        assertThat(pairing.add(first)).isEmpty();
    }

    @Test
    void shouldIgnoreARecordWhenItIsNoPartOfAResult() {
        assertThat(pairing.add(new TaskClaim("claim"))).isEmpty();
    }
}
