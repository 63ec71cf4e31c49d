package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.it.faults.FaultRun;
import io.cloe.it.faults.FaultRun.Outcome;
import io.cloe.it.faults.KilledWorkers;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The short form of {@code it/bench faults}: workers are killed under load, and the promise holds. */
class FaultsIT {

    private static final long SEED = 1;

    @TempDir
    Path folder;

    @ParameterizedTest(name = "{0}")
    @CsvSource({"classic, 5", "streams, 3"})
    void shouldKeepThePromiseWhenWorkersAreKilled(String protocol, int kills) throws Exception {
        PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
        Outcome outcome = new FaultRun(new KilledWorkers(kills), protocol, SEED, folder, out).run();

        out.printf(
                "%s: %d kills, %d studies, %d results, %d orphans%n",
                protocol,
                outcome.kills(),
                outcome.verdict().studies(),
                outcome.verdict().results(),
                outcome.verdict().orphans());
        assertThat(outcome.problems()).isEmpty();
        assertThat(outcome.verdict().results()).isGreaterThanOrEqualTo(kills);
    }
}
