package io.cloe.worker.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.onnxruntime.OrtException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WindowThreadsTest {

    private final WindowThreads threads = new WindowThreads(4);

    @AfterEach
    void close() {
        threads.close();
    }

    @Test
    void shouldRunEveryWindowAtTheSameTime() throws OrtException {
        CyclicBarrier all = new CyclicBarrier(4);
        Set<Integer> ran = ConcurrentHashMap.newKeySet();

        threads.run(4, window -> {
            await(all);
            ran.add(window);
        });

        assertThat(ran).containsExactlyInAnyOrder(0, 1, 2, 3);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2})
    void shouldWaitForTheOthersWhenOneFails(int failing) {
        AtomicInteger ended = new AtomicInteger();

        assertThatThrownBy(() -> threads.run(4, window -> {
                    if (window == failing) {
                        throw new OrtException("window " + window);
                    }
                    pause();
                    ended.incrementAndGet();
                }))
                .isInstanceOf(OrtException.class)
                .hasMessageContaining("window " + failing);
        assertThat(ended).hasValue(3);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 3})
    void shouldWaitForTheOthersWhenOneEndsUnexpectedly(int failing) {
        AtomicInteger ended = new AtomicInteger();

        assertThatThrownBy(() -> threads.run(4, window -> {
                    if (window == failing) {
                        throw new IllegalStateException("unexpected");
                    }
                    pause();
                    ended.incrementAndGet();
                }))
                .hasStackTraceContaining("unexpected");
        assertThat(ended).hasValue(3);
    }

    @Test
    void shouldKeepTheOtherFailuresWhenSeveralFail() {
        assertThatThrownBy(() -> threads.run(3, window -> {
                    throw new OrtException("window " + window);
                }))
                .hasMessageContaining("window 0")
                .satisfies(failure -> assertThat(failure.getSuppressed()).hasSize(2));
    }

    @Test
    void shouldWaitForTheOthersWhenTheCallerIsInterrupted() throws OrtException {
        AtomicInteger ended = new AtomicInteger();

        threads.run(2, window -> {
            if (window == 0) {
                Thread.currentThread().interrupt();
            } else {
                pause();
            }
            ended.incrementAndGet();
        });

        assertThat(ended).hasValue(2);
        assertThat(Thread.interrupted()).isTrue();
    }

    private static void await(CyclicBarrier barrier) {
        try {
            barrier.await(30, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    /** Longer than it takes to hand back a failure. */
    private static void pause() {
        try {
            TimeUnit.MILLISECONDS.sleep(50);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
