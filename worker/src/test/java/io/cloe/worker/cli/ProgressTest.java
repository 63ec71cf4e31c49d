package io.cloe.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class ProgressTest {

    private final StringWriter screen = new StringWriter();
    private final AtomicLong nanos = new AtomicLong();

    private Progress progress(boolean visible) {
        return new Progress(new LiveLine(new PrintWriter(screen), visible), 4, "volumes", nanos::get);
    }

    @Test
    void shouldTellCountRateAndTimeLeftWhenAPartIsDone() {
        assertThat(Progress.text(1, 4, "volumes", Duration.ofSeconds(2)))
                .isEqualTo("[#####...............] 1/4 volumes, 0.5/s, 6 s left");
        assertThat(Progress.text(4, 4, "volumes", Duration.ofSeconds(2))).endsWith("0 s left");
        assertThat(Progress.text(1, 1_000, "volumes", Duration.ofSeconds(1))).endsWith("17 min left");
        assertThat(Progress.text(1, 10_000, "volumes", Duration.ofSeconds(1))).endsWith("2.8 h left");
        assertThat(Progress.text(0, 4, "volumes", Duration.ZERO)).endsWith("? left");
    }

    @Test
    void shouldDrawNothingWhenNobodySeesIt() {
        try (Progress progress = progress(false)) {
            progress.step();
        }

        assertThat(screen.toString()).isEmpty();
    }

    @Test
    void shouldDrawOverItselfNowAndThenAndLeaveNothingWhenItIsSeen() {
        try (Progress progress = progress(true)) {
            progress.step();
            progress.step();
            nanos.addAndGet(Duration.ofMillis(150).toNanos());
            progress.step();
        }

        assertThat(screen.toString().split("\r\u001b\\[2K", -1))
                .satisfiesExactly(
                        before -> assertThat(before).isEmpty(),
                        first -> assertThat(first).contains("1/4"),
                        third -> assertThat(third).contains("3/4"),
                        after -> assertThat(after).isEmpty());
    }

    @Test
    void shouldDrawAgainWhenOtherOutputCameBetween() {
        try (Progress progress = progress(true)) {
            progress.step();
            progress.erase();
            progress.step();
        }

        assertThat(screen.toString()).contains("1/4").contains("2/4");
    }
}
