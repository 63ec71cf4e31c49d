package io.cloe.worker.cli;

import io.cloe.worker.results.ProgressText;
import java.time.Duration;
import java.util.Locale;
import java.util.function.LongSupplier;

/** Says now and then how far long work of known length is. Says nothing where nobody would see it drawn over. For one thread. */
final class Progress implements AutoCloseable {

    private static final long BETWEEN_DRAWINGS_NANOS = 100_000_000L;

    private final LiveLine line;
    private final long total;
    private final String unit;
    private final LongSupplier nanoClock;
    private final long started;

    private long done;
    private long drawn = Long.MIN_VALUE;

    /**
     * Draws nothing yet.
     *
     * @param line where it is drawn
     * @param total steps that there will be
     * @param unit what a step is, in the plural
     * @param nanoClock a clock in nanoseconds that never goes back
     */
    Progress(LiveLine line, long total, String unit, LongSupplier nanoClock) {
        this.line = line;
        this.total = total;
        this.unit = unit;
        this.nanoClock = nanoClock;
        this.started = nanoClock.getAsLong();
    }

    /** Counts a step, and draws now and then. */
    void step() {
        done++;
        long now = nanoClock.getAsLong();
        if (line.isOnTerminal() && (drawn == Long.MIN_VALUE || now - drawn >= BETWEEN_DRAWINGS_NANOS)) {
            drawn = now;
            line.show(text(done, total, unit, Duration.ofNanos(now - started)));
        }
    }

    /** Makes room for a line of other output; the next step draws again. */
    void erase() {
        line.erase();
        drawn = Long.MIN_VALUE;
    }

    /** Leaves the terminal as it was. */
    @Override
    public void close() {
        line.erase();
    }

    /** What is drawn: a bar, the count, steps per second and the time left. */
    static String text(long done, long total, String unit, Duration elapsed) {
        double rate = done / Math.max(elapsed.toNanos() / 1e9, 1e-9);
        String left = done == 0 ? "?" : ProgressText.duration((long) Math.ceil((total - done) / rate));
        return String.format(
                Locale.ROOT,
                "%s %d/%d %s, %.1f/s, %s left",
                ProgressText.bar(done, total),
                done,
                total,
                unit,
                rate,
                left);
    }
}
