package io.cloe.topology;

import io.cloe.schemas.StudyTimer;
import io.cloe.schemas.TimerKind;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.streams.processor.Cancellable;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * The timers of a task, and the wall-clock punctuation that fires them. It exists only while there is a timer, aimed at the first
 * one: an idle task makes no transactions.
 *
 * <p>Keeps them in order beside the store, because iterating over Kafka's in-memory store copies all of its keys.
 */
final class DueTimers {

    /** What one firing may do before records are processed again. */
    private static final int TIMERS_PER_FIRING = 1_000;

    /**
     * How late an overdue timer may fire. A punctuation is cancelled when it fires, so it never repeats; but one whose start has
     * passed by the time Kafka Streams takes it is moved on by a period. That happens whenever a timer is overdue, or falls
     * due within the milliseconds since the task's clock was last set.
     */
    private static final Duration PERIOD = Duration.ofMillis(1);

    private final ProcessorContext<?, ?> context;
    private final Fired fired;
    private final TreeMap<TimerKey, TimerKind> inOrder = new TreeMap<>();

    /**
     * By the time that each is aimed at. One that comes after the first timer is kept for its time: Kafka Streams keeps a cancelled
     * punctuation until its time as well, so that one for the end of a retention, cancelled and replaced for every study that
     * comes and goes, would be kept a million times.
     */
    private final TreeMap<Instant, Cancellable> punctuations = new TreeMap<>();

    private boolean enabled;

    /** Receives a timer that fell due; it is still kept then, and must be dropped by the receiver. */
    interface Fired {
        void timerDue(String studyId, StudyTimer timer);
    }

    /**
     * The timers of a task.
     *
     * @param store read once; whatever changes afterwards is for others to store
     */
    DueTimers(ProcessorContext<?, ?> context, KeyValueStore<TimerKey, TimerKind> store, Fired fired) {
        this.context = context;
        this.fired = fired;
        try (KeyValueIterator<TimerKey, TimerKind> stored = store.all()) {
            stored.forEachRemaining(entry -> inOrder.put(entry.key, entry.value));
        }
    }

    void put(String studyId, StudyTimer timer) {
        inOrder.put(new TimerKey(timer.getDue(), studyId), timer.getKind());
    }

    void drop(String studyId, StudyTimer timer) {
        inOrder.remove(new TimerKey(timer.getDue(), studyId));
    }

    /** From now on timers fire. Not before the task has consumed a record: only then are its transactions fenced. */
    void enable() {
        enabled = true;
    }

    /** Aims a punctuation at the first timer; to be called after timers changed. */
    void aim() {
        if (!enabled) {
            return;
        }
        if (inOrder.isEmpty()) {
            cancel();
            return;
        }
        Instant first = inOrder.firstKey().due();
        if (!punctuations.isEmpty() && punctuations.firstKey().equals(first)) {
            return;
        }
        cancel(punctuations.headMap(first));
        if (!punctuations.containsKey(first)) {
            punctuations.put(first, context.schedule(first, PERIOD, PunctuationType.WALL_CLOCK_TIME, this::fireDue));
        }
    }

    void cancel() {
        cancel(punctuations);
    }

    private static void cancel(Map<Instant, Cancellable> some) {
        some.values().forEach(Cancellable::cancel);
        some.clear();
    }

    private void fireDue(long firedAt) {
        // The one that fires is among them; it is aimed anew at what it leaves.
        cancel(punctuations.headMap(Instant.ofEpochMilli(firedAt), true));
        Instant now = now();
        for (int left = TIMERS_PER_FIRING; left > 0 && !inOrder.isEmpty(); left--) {
            TimerKey first = inOrder.firstKey();
            if (first.due().isAfter(now)) {
                break;
            }
            fired.timerDue(first.studyId(), new StudyTimer(inOrder.get(first), first.due()));
        }
        aim();
    }

    private Instant now() {
        return Instant.ofEpochMilli(context.currentSystemTimeMs());
    }
}
