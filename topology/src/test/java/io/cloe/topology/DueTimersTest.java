package io.cloe.topology;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.StudyTimer;
import io.cloe.schemas.TimerKind;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.streams.processor.api.MockProcessorContext;
import org.apache.kafka.streams.processor.api.MockProcessorContext.CapturedPunctuator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * The task's clock stands still while a record is processed, but Kafka Streams looks at the real one when it schedules. The driver of
 * topology tests has one clock for both, so this is tested here.
 */
class DueTimersTest {

    private static final Instant TASK_CLOCK = Instant.parse("2026-03-01T12:00:00Z");
    private static final Duration SOON = Duration.ofMillis(100);

    private final MockProcessorContext<Void, Void> context = new MockProcessorContext<>();
    private final KeyValueStore<TimerKey, TimerKind> store = Stores.keyValueStoreBuilder(
                    Stores.inMemoryKeyValueStore("timers"), TimerKey.serde(), EnumSerde.of(TimerKind.class))
            .withLoggingDisabled()
            .build();
    private final List<String> fired = new ArrayList<>();
    private DueTimers timers;

    @BeforeEach
    void start() {
        context.setCurrentSystemTimeMs(TASK_CLOCK.toEpochMilli());
        store.init(context.getStateStoreContext(), store);
        timers = new DueTimers(context, store, (studyId, timer) -> {
            fired.add(studyId);
            timers.drop(studyId, timer);
        });
        timers.enable();
    }

    private void arm(String studyId, Instant due) {
        timers.put(studyId, new StudyTimer(TimerKind.DEADLINE, due));
        timers.aim();
    }

    /** When Kafka Streams first fires: an anchor that has passed on the real clock is moved on by whole periods. */
    private Instant firstFiring(Instant realClock) {
        CapturedPunctuator aimed = context.scheduledPunctuators().stream()
                .filter(punctuator -> !punctuator.cancelled())
                .reduce((former, later) -> later)
                .orElseThrow();
        if (!aimed.getStartTime().isBefore(realClock)) {
            return aimed.getStartTime();
        }
        long period = aimed.getInterval().toMillis();
        long passed = Duration.between(aimed.getStartTime(), realClock).toMillis();
        return aimed.getStartTime().plusMillis((passed / period + 1) * period);
    }

    @Test
    void shouldFireAtItsTimeWhenATimerIsYetToCome() {
        arm("study", TASK_CLOCK.plusSeconds(60));

        assertThat(firstFiring(TASK_CLOCK.plusMillis(5))).isEqualTo(TASK_CLOCK.plusSeconds(60));
    }

    @Test
    void shouldFireSoonWhenATimerFellDueWhileNoWorkerRan() {
        arm("study", TASK_CLOCK.minusSeconds(60));

        Instant realClock = TASK_CLOCK.plusMillis(1);
        assertThat(firstFiring(realClock)).isBetween(realClock, realClock.plus(SOON));
    }

    @Test
    void shouldFireSoonWhenATimerFallsDueWhileARecordIsProcessed() {
        arm("study", TASK_CLOCK.plusMillis(3));

        Instant realClock = TASK_CLOCK.plusMillis(4);
        assertThat(firstFiring(realClock)).isBetween(realClock, realClock.plus(SOON));
    }

    @Test
    void shouldGoOnSoonWhenMoreTimersAreDueThanOneFiringMayHandle() {
        int due = 1_500;
        for (int i = 0; i < due; i++) {
            arm("study-" + i, TASK_CLOCK.minusSeconds(1));
        }
        CapturedPunctuator first = last();
        first.getPunctuator().punctuate(TASK_CLOCK.toEpochMilli());
        assertThat(fired).hasSizeBetween(1, due - 1);

        Instant realClock = TASK_CLOCK.plusMillis(20);
        assertThat(firstFiring(realClock)).isBetween(realClock, realClock.plus(SOON));
        last().getPunctuator().punctuate(realClock.toEpochMilli());
        assertThat(fired).hasSize(due);
        assertThat(context.scheduledPunctuators()).allMatch(CapturedPunctuator::cancelled);
    }

    /** Kafka Streams keeps a cancelled punctuation until its time. */
    @Test
    void shouldAimOnceAtTheEndOfARetentionWhenManyStudiesComeAndGo() {
        Instant retention = TASK_CLOCK.plus(Duration.ofDays(30));
        arm("closed", retention);
        for (int i = 0; i < 1_000; i++) {
            StudyTimer deadline = new StudyTimer(TimerKind.DEADLINE, TASK_CLOCK.plusSeconds(60 + i));
            timers.put("study-" + i, deadline);
            timers.aim();
            timers.drop("study-" + i, deadline);
            timers.aim();
        }

        assertThat(context.scheduledPunctuators())
                .filteredOn(punctuator -> punctuator.getStartTime().equals(retention))
                .hasSize(1)
                .noneMatch(CapturedPunctuator::cancelled);
        assertThat(context.scheduledPunctuators())
                .filteredOn(punctuator -> !punctuator.cancelled())
                .hasSize(1);
    }

    @Test
    void shouldFireAtItsTimeWhenTheClockIsSetBackWhileItFires() {
        arm("study", TASK_CLOCK.plusSeconds(1));
        CapturedPunctuator first = last();
        context.setCurrentSystemTimeMs(TASK_CLOCK.minusSeconds(3_600).toEpochMilli());
        first.getPunctuator().punctuate(TASK_CLOCK.plusSeconds(1).toEpochMilli());
        assertThat(fired).isEmpty();

        context.setCurrentSystemTimeMs(TASK_CLOCK.plusSeconds(1).toEpochMilli());
        assertThat(firstFiring(TASK_CLOCK)).isEqualTo(TASK_CLOCK.plusSeconds(1));
        last().getPunctuator().punctuate(TASK_CLOCK.plusSeconds(1).toEpochMilli());
        assertThat(fired).containsExactly("study");
    }

    private CapturedPunctuator last() {
        return context.scheduledPunctuators().get(context.scheduledPunctuators().size() - 1);
    }
}
