package io.cloe.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;

class LiveLineTest {

    private final StringWriter printed = new StringWriter();

    @Test
    void shouldWriteOverItselfOnATerminalAndEndTheLineOnce() {
        LiveLine line = new LiveLine(new PrintWriter(printed), true);
        line.show("1 %");
        line.show("2 %");
        line.end();

        assertThat(printed.toString()).isEqualTo("\r\u001b[2K1 %\r\u001b[2K2 %" + System.lineSeparator());
    }

    @Test
    void shouldWriteALineForEachChangeElsewhere() {
        LiveLine line = new LiveLine(new PrintWriter(printed), false);
        line.show("1 %");
        line.show("1 %");
        line.show("2 %");
        line.end();

        assertThat(printed.toString().lines()).containsExactly("1 %", "2 %");
    }

    @Test
    void shouldLeaveNothingOnATerminalWhenErased() {
        LiveLine line = new LiveLine(new PrintWriter(printed), true);
        line.erase();
        line.show("1 %");
        line.erase();
        line.erase();
        line.show("1 %");

        assertThat(printed.toString()).isEqualTo("\r\u001b[2K1 %\r\u001b[2K\r\u001b[2K1 %");
    }

    @Test
    void shouldTakeNothingBackElsewhere() {
        LiveLine line = new LiveLine(new PrintWriter(printed), false);
        line.show("1 %");
        line.erase();
        line.show("1 %");

        assertThat(printed.toString().lines()).containsExactly("1 %");
    }
}
