package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.it.bench.IdleTopology;
import java.nio.file.Path;
import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The short form of {@code it/bench idle}. */
class IdleIT {

    private static final Duration DROPPED = Duration.ofSeconds(3);
    private static final Duration IDLE = Duration.ofSeconds(6);

    @TempDir
    Path folder;

    @Test
    void shouldMakeNoTransactionsWhenStudiesWaitAndNothingHappens() throws Exception {
        try (IdleTopology topology = new IdleTopology(folder, 50, DROPPED, 1)) {
            int before = topology.transactions();
            assertThat(before).isPositive();

            Awaitility.await("nothing happens")
                    .during(IDLE)
                    .atMost(IDLE.multipliedBy(10))
                    .failFast(() -> topology.transactions() > before)
                    .until(() -> topology.transactions() == before);
        }
    }
}
