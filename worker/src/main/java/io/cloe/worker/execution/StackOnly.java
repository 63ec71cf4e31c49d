package io.cloe.worker.execution;

import java.util.Arrays;
import java.util.stream.Collectors;

/** An exception's class and stack without its message, which may quote patient data. */
final class StackOnly {

    private static final int FRAMES = 12;

    private StackOnly() {}

    static String of(Throwable thrown) {
        return thrown.getClass().getName()
                + Arrays.stream(thrown.getStackTrace())
                        .limit(FRAMES)
                        .map(frame -> "\n    at " + frame)
                        .collect(Collectors.joining());
    }
}
