package io.cloe.worker.execution;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.PriorityBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The threads of an executor's stages, each of which makes one pass after the other, and the pool that reads volumes for them. */
final class StageThreads implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(StageThreads.class);
    private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(10);

    /** One pass of a stage: waits for a job, and does what is to be done. */
    interface Pass {
        void run() throws InterruptedException;
    }

    private record Running(Thread thread, BooleanSupplier abandoned) {}

    /** What the pool is to do for a volume. */
    private record Reading(PriorityClass worth, long number, Runnable task) implements Runnable, Comparable<Reading> {

        private static final Comparator<Reading> NEXT_FIRST =
                Comparator.comparing(Reading::worth).thenComparing(Reading::number);

        @Override
        public void run() {
            task.run();
        }

        @Override
        public int compareTo(Reading other) {
            return NEXT_FIRST.compare(this, other);
        }
    }

    private final List<Running> stages = new ArrayList<>();
    private final List<Thread> readerThreads = new CopyOnWriteArrayList<>();
    private final AtomicLong volumes = new AtomicLong();
    private final ExecutorService readers;
    private volatile boolean ending;

    /** @param readers threads of the pool, which start when they are needed */
    StageThreads(int readers) {
        AtomicInteger number = new AtomicInteger();
        this.readers =
                new ThreadPoolExecutor(readers, readers, 0, TimeUnit.SECONDS, new PriorityBlockingQueue<>(), task -> {
                    Thread thread = daemon(task, "cloe-read-" + number.getAndIncrement());
                    readerThreads.add(thread);
                    return thread;
                });
    }

    /** The pool, for studies of one class: live ones' volumes go before all others that wait. */
    Executor readers(PriorityClass worth) {
        return task -> readers.execute(new Reading(worth, volumes.getAndIncrement(), task));
    }

    /** Starts a thread. */
    void start(String name, Pass pass) {
        start(name, pass, () -> false);
    }

    /**
     * Starts a thread.
     *
     * @param abandoned whether it may never come back, so that {@link #close} does not wait for it
     */
    void start(String name, Pass pass, BooleanSupplier abandoned) {
        Thread thread = daemon(() -> loop(pass), name);
        stages.add(new Running(thread, abandoned));
        thread.start();
    }

    private static Thread daemon(Runnable task, String name) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        return thread;
    }

    private void loop(Pass pass) {
        while (!ending) {
            try {
                pass.run();
            } catch (InterruptedException e) {
                // Only close() interrupts, and a device that is stuck; this ends the thread.
                LOG.debug("{} ends", Thread.currentThread().getName());
                return;
            } catch (RuntimeException e) {
                // Reporting failed: the job waits in the topology for its next owner, the other studies go on here.
                LOG.error("a result could not be handed over: {}", StackOnly.of(e));
            }
        }
    }

    /** From now on no pass begins. */
    void end() {
        ending = true;
    }

    /** Interrupts the passes that go on, and waits for the threads. */
    @Override
    public void close() throws InterruptedException {
        end();
        stages.forEach(stage -> stage.thread().interrupt());
        readers.shutdownNow();
        for (Running stage : stages) {
            if (!stage.abandoned().getAsBoolean()) {
                stage.thread().join(CLOSE_PATIENCE.toMillis());
            }
        }
        // A pool counts as terminated while its last thread is still on its way out.
        for (Thread reader : readerThreads) {
            reader.join(CLOSE_PATIENCE.toMillis());
        }
    }
}
