package io.cloe.worker.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.cloe.worker.bundle.BundleFixture;
import io.cloe.worker.bundle.GraphUse;
import io.cloe.worker.bundle.SubsetGraph;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class GateScoresTest {

    @Property
    void shouldEqualTheMeanOfRepeatedValuesWhenMassesAreWholeNumbers(
            @ForAll @Size(min = 1, max = 20) List<@DoubleRange(min = -1, max = 1) Double> values) {
        // A window of mass m counts like m windows of mass 1.
        double[] masses = new double[values.size()];
        double[] repeated = new double[0];
        for (int i = 0; i < masses.length; i++) {
            masses[i] = i % 4 + 1;
            double[] longer = Arrays.copyOf(repeated, repeated.length + i % 4 + 1);
            Arrays.fill(longer, repeated.length, longer.length, values.get(i));
            repeated = longer;
        }
        double mean = Arrays.stream(repeated).average().orElseThrow();
        double squares = Arrays.stream(repeated).map(v -> v * v).average().orElseThrow();

        Estimate estimate = GateScores.weighted(
                values.stream().mapToDouble(Double::doubleValue).toArray(), masses);

        assertThat(estimate.mean()).isCloseTo(mean, within(1e-12));
        assertThat(estimate.spread() * estimate.spread()).isCloseTo(squares - mean * mean, within(1e-12));
    }

    @Test
    void shouldTakeThePlainMeanWhenThereIsNoForeground() {
        assertThat(GateScores.weighted(new double[] {0, 1}, new double[] {9e-7, 0}))
                .isEqualTo(new Estimate(0.5, 0.5));
        assertThat(GateScores.weighted(new double[] {0, 1}, new double[] {3, 1}).mean())
                .isEqualTo(0.25);
        assertThat(GateScores.weighted(new double[] {0.7}, new double[] {0})).isEqualTo(new Estimate(0.7, 0));
    }

    @Test
    void shouldShareEquallyWithoutConsistencyWhenTheGateIsFixed() {
        assertThat(new GateScores(1).trust(graph("T2")))
                .containsExactly(new ModalityTrust("T2", new Estimate(1, 0), Optional.empty(), Optional.empty()));
        assertThat(new GateScores(2).trust(graph("T1", "T2")))
                .extracting(trust -> trust.weight().mean())
                .containsExactly(0.5, 0.5);
    }

    @Test
    void shouldReportTheKnownWeightsBesideTheConsistencyWhenThereAreTwo() throws Exception {
        SubsetGraph pair = BundleFixture.openTinyExtra()
                .extraGraphs(GraphUse.CONSISTENCY, List.of("T1", "T2"))
                .get(0);
        GateScores scores = new GateScores(2);
        FloatBuffer rounded = FloatBuffer.wrap(new float[] {0.4999f, 0.5001f});
        scores.add(1, rounded, FloatBuffer.wrap(new float[] {0.25f, 0.5f}), rounded);

        assertThat(scores.trust(pair)).extracting(ModalityTrust::weight).containsOnly(new Estimate(0.5, 0));
        assertThat(scores.trust(pair))
                .extracting(trust -> trust.globalConsistency().orElseThrow().mean())
                .containsExactly(0.25, 0.5);
    }

    @Test
    void shouldRefuseWhenTheGateAnswersSomethingThatIsNoNumber() {
        GateScores scores = new GateScores(1);
        FloatBuffer good = FloatBuffer.wrap(new float[] {1});
        FloatBuffer bad = FloatBuffer.wrap(new float[] {Float.NaN});

        assertThatThrownBy(() -> scores.add(1, good, bad, good)).isInstanceOf(EngineException.class);
    }

    private static SubsetGraph graph(String... modalities) {
        return BundleFixture.openTiny().graph(List.of(modalities)).orElseThrow();
    }
}
