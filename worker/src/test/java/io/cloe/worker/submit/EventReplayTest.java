package io.cloe.worker.submit;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.ScanOperation;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.worker.submit.EventReplay.Selection;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class EventReplayTest {

    private static final Instant NOW = Instant.parse("2026-01-05T08:00:00Z");

    static {
        // Builders copy records only of packages that Avro was told to trust, which the serde does when it is first
        // used.
        RecordSerde.of(ScanEvent.class);
    }

    @Test
    void shouldLeaveOutADeadlineThatHasPassedAndNothingElse() {
        ScanEvent late = event(NOW);
        ScanEvent early = event(NOW.plusSeconds(1));

        assertThat(EventReplay.again(late, NOW))
                .isEqualTo(ScanEvent.newBuilder(late).setDeadline(null).build());
        assertThat(EventReplay.again(early, NOW)).isEqualTo(early);
    }

    @Test
    void shouldSelectByTimeFromInclusiveToExclusiveAndByStudy() {
        Selection selection = new Selection(NOW, Optional.of(NOW.plusSeconds(10)), Set.of("a"));

        assertThat(selection.includes(NOW, "a")).isTrue();
        assertThat(selection.includes(NOW, "b")).isFalse();
        assertThat(selection.includes(NOW.minusMillis(1), "a")).isFalse();
        assertThat(selection.includes(NOW.plusSeconds(10), "a")).isFalse();
        assertThat(new Selection(NOW, Optional.empty(), Set.of()).includes(NOW.plusSeconds(99), "b"))
                .isTrue();
    }

    private static ScanEvent event(Instant deadline) {
        return ScanEvent.newBuilder()
                .setEventId("e")
                .setStudyId("a")
                .setModality("T1")
                .setOperation(ScanOperation.RETRACTED)
                .setAvailableAt(NOW)
                .setDeadline(deadline)
                .build();
    }
}
