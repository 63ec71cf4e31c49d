package io.cloe.worker.execution;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class StageThreadsTest {

    private final AtomicReference<Thread> stage = new AtomicReference<>();

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
    void shouldEndThePoolsThreadsToo() throws Exception {
        try (StageThreads threads = new StageThreads(1)) {
            CountDownLatch running = new CountDownLatch(1);
            threads.readers().execute(() -> {
                stage.set(Thread.currentThread());
                running.countDown();
            });
            assertThat(running.await(20, TimeUnit.SECONDS)).isTrue();
        }

        assertThat(stage.get().isAlive()).isFalse();
    }
}
