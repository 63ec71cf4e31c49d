package io.cloe.it.faults;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * A worker that stands still at a step, says so, and goes on once a file appears. Arguments: the step, the how manieth time it is taken
 * (from 1), the file, then the worker's settings as {@code key=value}.
 */
final class StandstillWorker {

    private StandstillWorker() {}

    public static void main(String[] arguments) throws Exception {
        Step step = Step.valueOf(arguments[0]);
        int turn = Integer.parseInt(arguments[1]);
        Path goOn = Path.of(arguments[2]);
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        WatchedWorker.run(
                Arrays.asList(arguments).subList(3, arguments.length), standStill(step, turn, goOn, out), out);
    }

    private static Consumer<Step> standStill(Step step, int turn, Path goOn, PrintStream out) {
        AtomicInteger taken = new AtomicInteger();
        return passing -> {
            if (passing == step && taken.incrementAndGet() == turn) {
                out.println("at " + step);
                while (!Files.exists(goOn)) {
                    LockSupport.parkNanos(Duration.ofMillis(10).toNanos());
                }
                out.println("on from " + step);
            }
        };
    }
}
