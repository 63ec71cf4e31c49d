package io.cloe.it.faults;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.locks.LockSupport;

/**
 * A worker for which one step always takes long, as a store does that is overloaded. Arguments: the step, how many milliseconds, then
 * the worker's settings as {@code key=value}.
 */
final class SlowWorker {

    private SlowWorker() {}

    public static void main(String[] arguments) throws Exception {
        Step step = Step.valueOf(arguments[0]);
        long until = Duration.ofMillis(Long.parseLong(arguments[1])).toNanos();
        WatchedWorker.run(
                Arrays.asList(arguments).subList(2, arguments.length),
                passing -> {
                    if (passing == step) {
                        LockSupport.parkNanos(until);
                    }
                },
                new PrintStream(System.out, true, StandardCharsets.UTF_8));
    }
}
