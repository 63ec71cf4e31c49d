package io.cloe.worker.inference;

import ai.onnxruntime.OrtException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;

/**
 * Runs windows side by side. ONNX Runtime's operators gain little from a second thread where they are small, and wait for each other
 * after every one of them; whole windows wait once.
 */
final class WindowThreads implements AutoCloseable {

    /** One window's run, of those that go on at the same time. */
    interface Run {
        void of(int window) throws OrtException;
    }

    /** Beside the caller's own thread. */
    private final ExecutorService others;

    /** @param atOnce windows at a time, the caller's included, at least 1 */
    WindowThreads(int atOnce) {
        AtomicInteger count = new AtomicInteger();
        others = atOnce == 1
                ? null
                : Executors.newFixedThreadPool(atOnce - 1, task -> {
                    Thread thread = new Thread(task, "cloe-window-" + count.incrementAndGet());
                    thread.setDaemon(true);
                    return thread;
                });
    }

    /**
     * Runs windows 0 to {@code windows - 1} and returns when all have ended, whatever becomes of any: they use memory of the caller's.
     *
     * @param windows at most as many as run at once
     * @throws OrtException the first one's failure, with the others' as suppressed ones
     */
    void run(int windows, Run run) throws OrtException {
        List<CompletableFuture<OrtException>> started = IntStream.range(1, windows)
                .mapToObj(window -> CompletableFuture.supplyAsync(() -> attempt(run, window), others))
                .toList();
        OrtException failure;
        try {
            failure = attempt(run, 0);
        } finally {
            CompletableFuture.allOf(started.toArray(CompletableFuture[]::new))
                    .exceptionally(thrownBelow -> null)
                    .join();
        }
        for (CompletableFuture<OrtException> each : started) {
            failure = firstOf(failure, each.join());
        }
        if (failure != null) {
            throw failure;
        }
    }

    private static OrtException attempt(Run run, int window) {
        try {
            run.of(window);
            return null;
        } catch (OrtException e) {
            return e;
        }
    }

    private static OrtException firstOf(OrtException first, OrtException second) {
        if (first == null) {
            return second;
        }
        if (second != null) {
            first.addSuppressed(second);
        }
        return first;
    }

    /** Ends the threads. No run may be going on. */
    @Override
    public void close() {
        if (others != null) {
            others.shutdown();
        }
    }
}
