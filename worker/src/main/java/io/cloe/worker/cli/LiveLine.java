package io.cloe.worker.cli;

import java.io.PrintWriter;
import picocli.CommandLine.Help.Ansi;

/** A line that changes: written over itself on a terminal, and elsewhere written once more whenever it changes. */
final class LiveLine {

    private static final String BACK_AND_CLEAR = "\r\u001b[2K";

    private final PrintWriter out;
    private final boolean terminal;
    private String shown = "";

    LiveLine(PrintWriter out) {
        this(out, Ansi.AUTO.enabled());
    }

    LiveLine(PrintWriter out, boolean terminal) {
        this.out = out;
        this.terminal = terminal;
    }

    /** Whether somebody watches. */
    boolean isOnTerminal() {
        return terminal;
    }

    /** Shows it as it is now. */
    void show(String text) {
        if (text.equals(shown)) {
            return;
        }
        if (terminal) {
            out.print(BACK_AND_CLEAR + text);
        } else {
            out.println(text);
        }
        out.flush();
        shown = text;
    }

    /** What is printed from now on begins on a line of its own. */
    void end() {
        if (terminal && !shown.isEmpty()) {
            out.println();
            out.flush();
        }
    }
}
