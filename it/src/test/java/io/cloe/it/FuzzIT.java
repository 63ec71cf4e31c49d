package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.it.fuzz.FuzzReplay;
import io.cloe.it.fuzz.FuzzRun;
import io.cloe.it.fuzz.FuzzSummary;
import io.cloe.it.fuzz.FuzzTargets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The short form of {@code it/bench fuzz}: every known input, and a few seconds of search. */
class FuzzIT {

    @TempDir
    Path folder;

    static List<String> targets() {
        return FuzzTargets.names();
    }

    @ParameterizedTest
    @MethodSource("targets")
    void shouldUseOrRefuseEveryInputOfTheCorpus(String target) throws Exception {
        assertThat(FuzzReplay.violations(target, folder)).isEmpty();
    }

    @Test
    void shouldFindNoViolationWhenSomeHundredVolumesAreSearched() throws Exception {
        FuzzSummary summary = FuzzRun.run("nifti-gz", folder, FuzzRun.Effort.ofInputs(500), 1);

        assertThat(summary.violations()).as("kept in %s", folder).isZero();
        assertThat(summary.inputs()).isGreaterThan(100);
        assertThat(summary.refused()).isPositive().isLessThan(summary.inputs());
    }
}
