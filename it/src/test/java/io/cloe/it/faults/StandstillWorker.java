package io.cloe.it.faults;

import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;

/**
 * A worker that stands still at a step when it is told to, says so, and goes on when it may. Arguments: the file in which a
 * {@link StandstillOrder} may come, then the worker's settings as {@code key=value}.
 */
final class StandstillWorker {

    private final Path file;
    private final PrintStream out;
    private final Map<Integer, Integer> turns = new ConcurrentHashMap<>();

    private StandstillWorker(Path file, PrintStream out) {
        this.file = file;
        this.out = out;
    }

    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        StandstillWorker worker = new StandstillWorker(Path.of(arguments[0]), out);
        WatchedWorker.run(Arrays.asList(arguments).subList(1, arguments.length), worker::pass, out);
    }

    private void pass(Step step) {
        try {
            Optional<StandstillOrder> order = StandstillOrder.read(file).filter(told -> told.step() == step);
            if (order.isPresent() && isTurn(order.get()) && order.get().take(file)) {
                standStill(order.get());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private boolean isTurn(StandstillOrder order) {
        return turns.merge(order.number(), 1, Integer::sum) == order.turn();
    }

    private void standStill(StandstillOrder order) {
        out.println(order.reached());
        while (Files.exists(order.standing(file))) {
            LockSupport.parkNanos(Duration.ofMillis(10).toNanos());
        }
        out.println(order.left());
    }
}
