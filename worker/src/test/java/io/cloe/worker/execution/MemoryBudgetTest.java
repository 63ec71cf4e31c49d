package io.cloe.worker.execution;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.worker.execution.MemoryBudget.Reservation;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class MemoryBudgetTest {

    private final MemoryBudget budget = new MemoryBudget(100);

    private CompletableFuture<Reservation> reserveLater(long bytes, PriorityClass worth) {
        CompletableFuture<Reservation> reservation = new CompletableFuture<>();
        Thread thread = new Thread(() -> {
            try {
                reservation.complete(budget.reserve(bytes, worth));
            } catch (InterruptedException e) {
                reservation.completeExceptionally(e);
            }
        });
        thread.setDaemon(true);
        thread.start();
        Awaitility.await("it waits or has got it")
                .pollDelay(Duration.ZERO)
                .pollInterval(Duration.ofMillis(1))
                .until(() -> thread.getState() == Thread.State.WAITING || reservation.isDone());
        return reservation;
    }

    @Test
    void shouldMakeAStudyWaitWhenTheBytesAreTaken() throws Exception {
        Reservation first = budget.reserve(60, PriorityClass.LIVE);
        CompletableFuture<Reservation> second = reserveLater(60, PriorityClass.LIVE);
        assertThat(second).isNotDone();
        assertThat(budget.reserved()).isEqualTo(60);

        first.shrinkTo(40);
        second.get(10, TimeUnit.SECONDS).release();
        first.release();
        first.release();
        assertThat(budget.reserved()).isZero();
    }

    @Test
    void shouldKeepHalfForLiveStudiesWhenStudiesAreReprocessed() throws Exception {
        Reservation first = budget.reserve(40, PriorityClass.REPROCESS);
        CompletableFuture<Reservation> second = reserveLater(40, PriorityClass.REPROCESS);
        assertThat(second).isNotDone();

        budget.reserve(60, PriorityClass.LIVE);
        first.release();
        second.get(10, TimeUnit.SECONDS);
    }

    @Test
    void shouldLetALargeStudyInWhenThereIsNothingElse() throws Exception {
        assertThat(budget.reserve(100, PriorityClass.REPROCESS)).isNotNull();
    }

    @Test
    void shouldServeTheLiveStudyFirstWhenBothWait() throws Exception {
        Reservation all = budget.reserve(100, PriorityClass.LIVE);
        CompletableFuture<Reservation> reprocess = reserveLater(40, PriorityClass.REPROCESS);
        CompletableFuture<Reservation> live = reserveLater(90, PriorityClass.LIVE);
        all.release();

        Reservation got = live.get(10, TimeUnit.SECONDS);
        assertThat(reprocess).isNotDone();
        got.release();
        reprocess.get(10, TimeUnit.SECONDS);
    }
}
