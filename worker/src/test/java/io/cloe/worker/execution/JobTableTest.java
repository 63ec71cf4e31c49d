package io.cloe.worker.execution;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.InferenceJob;
import io.cloe.topology.InferenceExecutor.Lease;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class JobTableTest {

    private static final int PARTITION = 0;

    private final WorkQueue waiting = new WorkQueue(new FloorShare(0));
    private final JobTable jobs = new JobTable(waiting);
    private final Lease lease = new NoLease();

    @Test
    void shouldBelongToItsNewLeaseWhenAJobIsSubmittedAgain() {
        InferenceJob job = job();
        Lease next = new NoLease();
        assertThat(jobs.submit(job, lease, PARTITION)).isTrue();
        assertThat(jobs.submit(job, next, PARTITION)).isFalse();

        jobs.close(lease);
        assertThat(waiting.size(PriorityClass.LIVE)).isEqualTo(1);
        jobs.close(next);
        assertThat(waiting.size(PriorityClass.LIVE)).isZero();
    }

    @Test
    void shouldWantAResultOnceOnly() throws Exception {
        Work work = taken(job());

        assertThat(jobs.end(work)).isEqualTo(JobTable.End.WANTED);
        assertThat(jobs.end(work)).isEqualTo(JobTable.End.BEFORE);
    }

    @Test
    void shouldWantTheResultOfARunningJobWhenItsLeaseClosesButNotWhenItIsCancelled() throws Exception {
        Work cancelled = taken(job());
        jobs.cancel(cancelled.job().getJobId());
        Work lost = taken(job());
        jobs.close(lease);

        assertThat(cancelled.control().isCancelled()).isTrue();
        assertThat(jobs.end(cancelled)).isEqualTo(JobTable.End.UNWANTED);
        assertThat(lost.control().isCancelled()).isFalse();
        assertThat(jobs.end(lost)).isEqualTo(JobTable.End.WANTED);
    }

    @Test
    void shouldLetTheSecondOfTwoAlikeWaitAsAReference() throws Exception {
        Work first = taken(job());
        Work second = taken(job());
        second.entered = true;

        assertThat(jobs.waitForSame(first, "input")).isEmpty();
        assertThat(jobs.waitForSame(second, "input")).isPresent();
        assertThat(second.entered).isFalse();
        assertThat(jobs.waitingForSame()).isEqualTo(1);

        jobs.cancel(second.job().getJobId());
        assertThat(jobs.waitingForSame()).isZero();
    }

    @Test
    void shouldLetNothingWaitWhenItIsCancelledAlready() throws Exception {
        Work first = taken(job());
        Work second = taken(job());
        jobs.waitForSame(first, "input");
        jobs.cancelAll("the worker stops");

        assertThat(jobs.waitForSame(second, "input")).isEmpty();
        assertThat(jobs.anyMatch(job -> true)).isFalse();
    }

    private static InferenceJob job() {
        return Jobs.of("study", Map.of()).build();
    }

    /** Submits a job and takes it for reading. */
    private Work taken(InferenceJob job) throws InterruptedException {
        jobs.submit(job, lease, PARTITION);
        Optional<Work> next = waiting.take(0);
        return next.orElseThrow();
    }
}
