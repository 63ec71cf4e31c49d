package io.cloe.worker.volume;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class GeometryCheckTest {
    private static Grid grid(double originX) {
        return new Grid(new int[] {5, 4, 3}, new double[] {1, 0, 0, originX, 0, 1, 0, 0, 0, 0, 1, 0}, true);
    }

    private static Map<String, Grid> grids(double... originsX) {
        String[] names = {"T1", "T1CE", "T2", "FLAIR"};
        var grids = new HashMap<String, Grid>();
        for (int i = 0; i < originsX.length; i++) {
            grids.put(names[i], grid(originsX[i]));
        }
        return grids;
    }

    @Test
    void shouldNameNoneWhenAllGridsAgree() {
        assertThat(GeometryCheck.mismatched(grids())).isEmpty();
        assertThat(GeometryCheck.mismatched(grids(0))).isEmpty();
        assertThat(GeometryCheck.mismatched(grids(0, -0.0, 0.0005, 0))).isEmpty();
    }

    @Test
    void shouldNameTheOthersWhenOneGroupIsTheLargest() {
        assertThat(GeometryCheck.mismatched(grids(0, 0, 0, 7))).containsExactly("FLAIR");
        assertThat(GeometryCheck.mismatched(grids(7, 0, 0))).containsExactly("T1");
        assertThat(GeometryCheck.mismatched(grids(0, 0, 7, 8))).containsExactly("FLAIR", "T2");
    }

    @Test
    void shouldNameAllWhenNobodyCanTellWhichGridIsRight() {
        assertThat(GeometryCheck.mismatched(grids(0, 7))).containsExactly("T1", "T1CE");
        assertThat(GeometryCheck.mismatched(grids(0, 0, 7, 7))).containsExactly("FLAIR", "T1", "T1CE", "T2");
        assertThat(GeometryCheck.mismatched(grids(0, 7, 8))).containsExactly("T1", "T1CE", "T2");
    }

    @Test
    void shouldFollowTheMiddleGridWhenRoundingFormsAChain() {
        assertThat(GeometryCheck.mismatched(grids(0, 0.0008, 0.0016))).isEmpty();
    }
}
