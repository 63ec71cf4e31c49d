package io.cloe.worker.volume;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.FutureTask;
import java.util.function.IntConsumer;

/** The same task for several channels at once; who asks works along. */
final class Parallel {

    private Parallel() {}

    /** Runs a task for 0 to {@code count - 1}; returns when all have ended, and throws what one of them threw. */
    static void each(int count, Executor executor, IntConsumer task) {
        List<FutureTask<Void>> tasks = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int index = i;
            FutureTask<Void> one = new FutureTask<>(() -> task.accept(index), null);
            tasks.add(one);
            if (i > 0) {
                executor.execute(one);
            }
        }
        tasks.forEach(FutureTask::run); // does nothing where another thread has begun
        tasks.forEach(Parallel::await);
    }

    private static void await(FutureTask<Void> task) {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    task.get();
                    return;
                } catch (InterruptedException e) {
                    interrupted = true; // the arrays are in use until the task has ended
                } catch (ExecutionException e) {
                    if (e.getCause() instanceof Error error) {
                        throw error;
                    }
                    throw (RuntimeException) e.getCause();
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
