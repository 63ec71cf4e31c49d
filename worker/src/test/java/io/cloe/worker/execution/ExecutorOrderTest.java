package io.cloe.worker.execution;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.Trigger;
import io.cloe.topology.InferenceExecutor.Lease;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which jobs run, and in which order. One decode thread, held at the gate by the job "held", makes the order plain. */
class ExecutorOrderTest {

    @TempDir
    Path folder;

    private final GatedVolumes gate = new GatedVolumes();
    private ExecutorScenario scenario;
    private InferenceJob held;

    @BeforeEach
    void startAndHold() throws Exception {
        scenario = ExecutorScenario.in(folder).volumes(gate::around).start();
        held = submit(scenario.goodJob("held"));
        assertThat(gate.arrived.poll(10, TimeUnit.SECONDS)).contains("held");
    }

    @AfterEach
    void close() throws Exception {
        gate.open();
        scenario.close();
    }

    private InferenceJob submit(InferenceJob.Builder builder) {
        InferenceJob job = builder.build();
        scenario.lease.submit(job);
        return job;
    }

    private void assertResults(String... studies) throws InterruptedException {
        for (String study : studies) {
            assertThat(scenario.nextStudy()).isEqualTo(study);
        }
        assertThat(scenario.sent).isEmpty();
    }

    /** Results may come in another order: an urgent study also overtakes those that wait for the device or to be written. */
    private void assertStarted(String... studies) throws InterruptedException {
        for (int i = 0; i < studies.length; i++) {
            scenario.next();
        }
        assertThat(gate.loaded)
                .extracting(uri ->
                        ExecutorScenario.pathOf(uri).getParent().getFileName().toString())
                .containsExactly(studies);
    }

    @Test
    void shouldRunTheHighestPriorityFirstWhenJobsWait() throws Exception {
        submit(scenario.goodJob("low").setPriority(Integer.MIN_VALUE));
        submit(scenario.goodJob("normal"));
        submit(scenario.goodJob("urgent").setPriority(Integer.MAX_VALUE));
        gate.open();

        assertStarted("held", "urgent", "normal", "low");
    }

    @Test
    void shouldRunTheLongestWaitingFirstWhenPrioritiesAreEqual() throws Exception {
        submit(scenario.goodJob("younger").setQueuedAt(Jobs.QUEUED.plusSeconds(1_000_002)));
        submit(scenario.goodJob("older").setQueuedAt(Jobs.QUEUED.plusSeconds(1_000_001)));
        gate.open();

        assertStarted("held", "older", "younger");
    }

    @Test
    void shouldRunReprocessingLastWhenLiveStudiesWait() throws Exception {
        submit(scenario.goodJob("again").setTrigger(Trigger.REPROCESS).setPriority(1_000));
        submit(scenario.goodJob("live").setPriority(-1_000));
        gate.open();

        assertStarted("held", "live", "again");
    }

    @Test
    void shouldRunAJobOnceWhenItIsSubmittedAgain() throws Exception {
        InferenceJob waiting = submit(scenario.goodJob("waiting"));
        scenario.lease.submit(waiting);
        scenario.lease.submit(held);
        submit(scenario.goodJob("last"));
        gate.open();

        assertResults("held", "waiting", "last");
        assertThat(gate.loaded).hasSize(3);
    }

    @Test
    void shouldReportNothingWhenAWaitingJobIsCancelled() throws Exception {
        InferenceJob cancelled = submit(scenario.goodJob("cancelled"));
        submit(scenario.goodJob("last"));
        scenario.lease.cancel(cancelled.getJobId());
        gate.open();

        assertResults("held", "last");
        assertThat(gate.loaded).noneMatch(uri -> uri.contains("cancelled"));
    }

    @Test
    void shouldReportNothingWhenARunningJobIsCancelled() throws Exception {
        submit(scenario.goodJob("last"));
        scenario.lease.cancel(held.getJobId());
        gate.open();

        assertResults("last");
    }

    @Test
    void shouldRunAJobAgainWhenItIsSubmittedAfterItWasCancelled() throws Exception {
        scenario.lease.cancel(held.getJobId());
        scenario.lease.submit(held);
        submit(scenario.goodJob("last"));
        gate.open();

        assertResults("held", "last");
        assertThat(gate.loaded).filteredOn(uri -> uri.contains("held")).hasSize(2);
    }

    @Test
    void shouldIgnoreTheCancellationWhenTheJobIsUnknown() throws Exception {
        scenario.lease.cancel("no such job");
        gate.open();

        assertResults("held");
    }

    @Test
    void shouldFinishTheRunningJobAndDropWaitingOnesWhenTheLeaseIsClosed() throws Exception {
        submit(scenario.goodJob("dropped"));
        scenario.lease.close();
        scenario.lease.close();
        scenario.openLease().submit(scenario.goodJob("last").build());
        gate.open();

        assertResults("held", "last");
    }

    @Test
    void shouldKeepAWaitingJobWhenANewLeaseHasTakenItOver() throws Exception {
        InferenceJob waiting = submit(scenario.goodJob("waiting"));
        Lease next = scenario.openLease();
        next.submit(waiting);
        scenario.lease.close();
        gate.open();

        assertResults("held", "waiting");
    }

    @Test
    void shouldReportNothingWhenAJobIsCancelledWhileItsMaskIsWritten() throws Exception {
        AtomicReference<Runnable> beforeCreate = new AtomicReference<>(() -> {});
        try (ExecutorScenario writing = ExecutorScenario.in(folder.resolve("writing"))
                .masks(real -> new ForwardingMasks(
                        real, () -> beforeCreate.getAndSet(() -> {}).run()))
                .start()) {
            InferenceJob job = writing.goodJob("cancelled").build();
            beforeCreate.set(() -> writing.lease.cancel(job.getJobId()));
            writing.lease.submit(job);
            writing.lease.submit(writing.goodJob("last").build());

            assertThat(writing.nextStudy()).isEqualTo("last");
            assertThat(writing.sent).isEmpty();
        }
    }

    @Test
    void shouldHoldNoMoreStudiesInMemoryThanAllowedWhenWritingIsSlow() throws Exception {
        int decodeThreads = 2;
        Set<String> inMemory = ConcurrentHashMap.newKeySet();
        AtomicInteger most = new AtomicInteger();
        CountDownLatch full = new CountDownLatch(decodeThreads + 1);
        try (ExecutorScenario slow = ExecutorScenario.in(folder.resolve("slow"))
                .decodeThreads(decodeThreads)
                .volumes(real -> reference -> {
                    inMemory.add(reference.getUri());
                    most.accumulateAndGet(inMemory.size(), Math::max);
                    full.countDown();
                    return real.load(reference);
                })
                .masks(real -> new ForwardingMasks(real, () -> {
                    await(full);
                    // All studies are equal but for their names: whichever is written, one leaves.
                    inMemory.remove(inMemory.iterator().next());
                }))
                .start()) {
            for (int i = 0; i < 12; i++) {
                slow.lease.submit(slow.goodJob("study-" + i).build());
            }
            for (int i = 0; i < 12; i++) {
                slow.next();
            }
            assertThat(most).hasValue(decodeThreads + 1);
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(10, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void shouldStillHoldNoMoreStudiesThanAllowedWhenManyWereCancelled() throws Exception {
        List<InferenceJob> cancelled =
                List.of(submit(scenario.goodJob("a")), submit(scenario.goodJob("b")), submit(scenario.goodJob("c")));
        cancelled.forEach(job -> scenario.lease.cancel(job.getJobId()));
        scenario.lease.cancel(held.getJobId());
        gate.open();
        for (int i = 0; i < 5; i++) {
            submit(scenario.goodJob("study-" + i));
        }

        assertResults("study-0", "study-1", "study-2", "study-3", "study-4");
    }
}
