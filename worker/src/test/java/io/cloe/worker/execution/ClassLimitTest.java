package io.cloe.worker.execution;

import static io.cloe.worker.execution.PriorityClass.LIVE;
import static io.cloe.worker.execution.PriorityClass.REPROCESS;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ClassLimitTest {

    private final ClassLimit limit = new ClassLimit(1);

    @Test
    void shouldLetALiveStudyInWhenReprocessingHasAllItMayHave() {
        assertThat(limit.tryEnter(REPROCESS)).isTrue();
        assertThat(limit.tryEnter(REPROCESS)).isFalse();
        assertThat(limit.tryEnter(LIVE)).isTrue();
        assertThat(limit.count(REPROCESS)).isEqualTo(1);
    }

    @Test
    void shouldLetTheNextInWhenOneHasLeft() {
        assertThat(limit.tryEnter(LIVE)).isTrue();
        assertThat(limit.tryEnter(LIVE)).isFalse();
        limit.leave(LIVE);
        assertThat(limit.tryEnter(LIVE)).isTrue();
    }
}
