package io.cloe.worker.cli;

import java.io.Console;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Locale;
import java.util.function.LongSupplier;

/**
 * A line on a terminal's standard error that says how far long work is, drawn over itself. Draws nothing where nobody would see it: in a
 * pipe, a file, a terminal without a cursor. For one thread.
 */
final class Progress implements AutoCloseable {

    private static final int BAR = 30;
    private static final long BETWEEN_DRAWINGS_NANOS = 100_000_000L;
    private static final String ERASE_LINE = "\r\u001b[K";

    private final PrintWriter err;
    private final boolean visible;
    private final long total;
    private final String unit;
    private final LongSupplier nanoClock;
    private final long started;

    private long done;
    private long drawn = Long.MIN_VALUE;
    private boolean onScreen;

    /**
     * Draws nothing yet.
     *
     * @param err where it is drawn
     * @param visible whether somebody sees it: {@link #onTerminal()}
     * @param total steps that there will be
     * @param unit what a step is, in the plural
     * @param nanoClock a clock in nanoseconds that never goes back
     */
    Progress(PrintWriter err, boolean visible, long total, String unit, LongSupplier nanoClock) {
        this.err = err;
        this.visible = visible;
        this.total = total;
        this.unit = unit;
        this.nanoClock = nanoClock;
        this.started = nanoClock.getAsLong();
    }

    /** Whether a person sits before this process: its input and output are a terminal. */
    static boolean onTerminal() {
        Console console = System.console();
        if (console == null || "dumb".equals(System.getenv("TERM"))) {
            return false;
        }
        try {
            // From Java 22 on there is a console without a terminal.
            return (Boolean) Console.class.getMethod("isTerminal").invoke(console);
        } catch (ReflectiveOperationException e) {
            return true; // An older Java has a console on terminals only.
        }
    }

    /** Counts a step, and draws now and then. */
    void step() {
        done++;
        long now = nanoClock.getAsLong();
        if (visible && (drawn == Long.MIN_VALUE || now - drawn >= BETWEEN_DRAWINGS_NANOS)) {
            drawn = now;
            onScreen = true;
            err.print(ERASE_LINE + line(done, total, unit, Duration.ofNanos(now - started)));
            err.flush();
        }
    }

    /** Makes room for a line of other output; the next step draws again. */
    void erase() {
        if (onScreen) {
            err.print(ERASE_LINE);
            err.flush();
            onScreen = false;
            drawn = Long.MIN_VALUE;
        }
    }

    /** Leaves the terminal as it was. */
    @Override
    public void close() {
        erase();
    }

    /** What is drawn: a bar, the count, steps per second and the time left. */
    static String line(long done, long total, String unit, Duration elapsed) {
        int filled = (int) (total == 0 ? BAR : BAR * Math.min(done, total) / total);
        double seconds = Math.max(elapsed.toNanos() / 1e9, 1e-9);
        double rate = done / seconds;
        String left = done == 0 ? "?" : seconds((long) Math.ceil((total - done) / rate));
        return String.format(
                Locale.ROOT,
                "[%s%s] %d/%d %s, %.1f/s, %s left",
                "#".repeat(filled),
                " ".repeat(BAR - filled),
                done,
                total,
                unit,
                rate,
                left);
    }

    private static String seconds(long seconds) {
        return seconds < 60
                ? seconds + " s"
                : seconds < 3600
                        ? String.format(Locale.ROOT, "%d:%02d min", seconds / 60, seconds % 60)
                        : String.format(Locale.ROOT, "%d:%02d h", seconds / 3600, seconds % 3600 / 60);
    }
}
