package io.cloe.worker.execution;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class StageThreadsTest {

    private final AtomicReference<Thread> stage = new AtomicReference<>();

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(20, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void shouldGoOnWithTheNextPassWhenOneFails() throws Exception {
        AtomicInteger passes = new AtomicInteger();
        CountDownLatch third = new CountDownLatch(3);
        try (StageThreads threads = new StageThreads(1)) {
            threads.start("failing", () -> {
                stage.set(Thread.currentThread());
                third.countDown();
                if (passes.incrementAndGet() < 3) {
                    throw new IllegalStateException("a result could not be sent");
                }
                new CountDownLatch(1).await();
            });
            assertThat(third.await(20, TimeUnit.SECONDS)).isTrue();
        }

        assertThat(stage.get().isAlive()).isFalse();
    }

    @Test
    void shouldNotWaitAtTheEndForAThreadThatMayNeverComeBack() throws Exception {
        CountDownLatch running = new CountDownLatch(1);
        AtomicInteger comeBack = new AtomicInteger();
        try (StageThreads threads = new StageThreads(1)) {
            threads.start(
                    "stuck",
                    () -> {
                        stage.set(Thread.currentThread());
                        running.countDown();
                        while (comeBack.get() == 0) {
                            Thread.onSpinWait(); // as native code does not notice an interrupt
                        }
                    },
                    () -> true);
            assertThat(running.await(20, TimeUnit.SECONDS)).isTrue();
        }

        assertThat(stage.get().isAlive()).isTrue();
        comeBack.set(1);
        stage.get().join();
    }

    @Test
    void shouldReadLiveStudiesVolumesFirstWhenOthersWaitForTheSameThread() throws Exception {
        List<String> read = new CopyOnWriteArrayList<>();
        CountDownLatch gate = new CountDownLatch(1);
        CountDownLatch all = new CountDownLatch(4);
        try (StageThreads threads = new StageThreads(1)) {
            threads.readers(PriorityClass.REPROCESS).execute(() -> {
                await(gate);
                all.countDown();
            });
            for (String name : List.of("again 1", "again 2")) {
                threads.readers(PriorityClass.REPROCESS).execute(() -> {
                    read.add(name);
                    all.countDown();
                });
            }
            threads.readers(PriorityClass.LIVE).execute(() -> {
                read.add("live");
                all.countDown();
            });
            gate.countDown();
            assertThat(all.await(20, TimeUnit.SECONDS)).isTrue();
        }

        assertThat(read).containsExactly("live", "again 1", "again 2");
    }

    @Test
    void shouldEndThePoolsThreadsToo() throws Exception {
        try (StageThreads threads = new StageThreads(1)) {
            CountDownLatch running = new CountDownLatch(1);
            threads.readers(PriorityClass.LIVE).execute(() -> {
                stage.set(Thread.currentThread());
                running.countDown();
            });
            assertThat(running.await(20, TimeUnit.SECONDS)).isTrue();
        }

        assertThat(stage.get().isAlive()).isFalse();
    }
}
