package io.cloe.worker.results;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ProgressTextTest {

    @Test
    void shouldFillTheBarByThePartThatIsDone() {
        assertThat(ProgressText.bar(1, 4)).isEqualTo("[#####...............]");
        assertThat(ProgressText.bar(0, 0)).isEqualTo("[....................]");
        assertThat(ProgressText.bar(5, 4)).isEqualTo("[####################]");
    }

    @Test
    void shouldSayATimeInTheUnitThatPeopleWouldUse() {
        assertThat(ProgressText.duration(119)).isEqualTo("119 s");
        assertThat(ProgressText.duration(130)).isEqualTo("2 min");
        assertThat(ProgressText.duration(9_000)).isEqualTo("2.5 h");
    }
}
