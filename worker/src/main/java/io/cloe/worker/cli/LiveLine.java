package io.cloe.worker.cli;

import java.io.Console;
import java.io.PrintWriter;

/** A line that changes: written over itself on a terminal, and elsewhere written once more whenever it changes. */
final class LiveLine {

    private static final String BACK_AND_CLEAR = "\r\u001b[2K";

    private final PrintWriter out;
    private final boolean terminal;
    private String shown = "";

    LiveLine(PrintWriter out) {
        this(out, isBeforeAPerson());
    }

    LiveLine(PrintWriter out, boolean terminal) {
        this.out = out;
        this.terminal = terminal;
    }

    /** Whether this process's input and output are a terminal with a cursor. */
    private static boolean isBeforeAPerson() {
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

    /** Takes it off the terminal, to make room for other output. */
    void erase() {
        if (terminal && !shown.isEmpty()) {
            out.print(BACK_AND_CLEAR);
            out.flush();
            shown = "";
        }
    }

    /** What is printed from now on begins on a line of its own. */
    void end() {
        if (terminal && !shown.isEmpty()) {
            out.println();
            out.flush();
        }
    }
}
