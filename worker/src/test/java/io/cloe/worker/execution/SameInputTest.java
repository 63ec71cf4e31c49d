package io.cloe.worker.execution;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.InferenceFaults;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceOutcome;
import io.cloe.schemas.Trigger;
import io.cloe.schemas.VolumeReference;
import io.cloe.worker.execution.ExecutorScenario.Sent;
import io.cloe.worker.inference.InferenceControl;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Jobs with the same input at the same moment: the device computes once. It is held until a test lets it go. */
@Timeout(60)
class SameInputTest {

    @TempDir
    Path folder;

    private final Semaphore arrived = new Semaphore(0);
    private final Semaphore mayGo = new Semaphore(0);
    private final AtomicInteger runs = new AtomicInteger();
    private final AtomicBoolean failNext = new AtomicBoolean();
    private ExecutorScenario scenario;
    private VolumeReference volume;

    @AfterEach
    void close() throws Exception {
        mayGo.release(100);
        scenario.close();
    }

    /** Tells that the device has a study, and waits. */
    private void hold(InferenceControl control) {
        runs.incrementAndGet();
        arrived.release();
        try {
            boolean go;
            do {
                go = mayGo.tryAcquire(10, TimeUnit.MILLISECONDS);
            } while (!go && !control.isCancelled());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (failNext.getAndSet(false)) {
            throw new IllegalStateException("the device had a bad day");
        }
    }

    private void start(int devices, int cacheEntries) {
        scenario = ExecutorScenario.in(folder)
                .decodeThreads(2)
                .cacheEntries(cacheEntries)
                .engines(Collections.nCopies(devices, EngineAround.doingFirst(this::hold)))
                .start();
    }

    private InferenceJob submit(InferenceJob.Builder builder) {
        InferenceJob job = builder.build();
        scenario.lease.submit(job);
        return job;
    }

    private InferenceJob.Builder same(String study) {
        if (volume == null) {
            volume = scenario.volume("the same", "T1");
        }
        return Jobs.of(study, Map.of("T1", volume));
    }

    /** Puts a first job on the device and lets others wait for it. */
    private InferenceJob holdFirst() throws InterruptedException {
        InferenceJob first = submit(same("first"));
        awaitDevice();
        return first;
    }

    private void awaitDevice() throws InterruptedException {
        assertThat(arrived.tryAcquire(20, TimeUnit.SECONDS)).isTrue();
    }

    private void awaitWaiting(int jobs) {
        scenario.await(jobs + " jobs wait for the same", now -> now.waitingForSame() == jobs);
    }

    private Map<String, Object> nextBodies(int count) throws InterruptedException {
        Map<String, Object> bodies = new TreeMap<>();
        for (int i = 0; i < count; i++) {
            Sent sent = scenario.next();
            bodies.put(sent.result().getStudyId(), sent.result().getBody());
        }
        assertThat(scenario.sent).isEmpty();
        return bodies;
    }

    @Test
    void shouldComputeOnceWhenSeveralStudiesHaveTheSameInputAtTheSameTime() throws Exception {
        start(2, 10);
        holdFirst();
        submit(same("second"));
        submit(same("third"));
        awaitWaiting(2);
        mayGo.release();

        Map<String, Object> bodies = nextBodies(3);

        assertThat(bodies.values())
                .allSatisfy(body -> assertThat(body).isInstanceOf(InferenceOutcome.class))
                .extracting(body -> ((InferenceOutcome) body).getMask().getSha256())
                .containsOnly(((InferenceOutcome) bodies.get("first")).getMask().getSha256());
        assertThat(bodies.values())
                .extracting(body -> ((InferenceOutcome) body).getMask().getUri())
                .doesNotHaveDuplicates();
        assertThat(runs).hasValue(1);
        assertThat(scenario.executor.snapshot().memoryReservedBytes()).isZero();
        assertThat(scenario.executor.snapshot().waitingForSame()).isZero();
    }

    /** What waits holds no place: with two threads and one device there are three, and the others must get through. */
    @Test
    void shouldNotHoldUpOtherStudiesWhileJobsWait() throws Exception {
        start(2, 10);
        holdFirst();
        for (int i = 0; i < 6; i++) {
            submit(same("same-" + i));
        }
        awaitWaiting(6);
        submit(scenario.goodJob("another"));
        awaitDevice();
        mayGo.release(2);

        assertThat(nextBodies(8)).containsKey("another");
        assertThat(runs).hasValue(2);
    }

    @Test
    void shouldComputeForItselfWhenTheFirstFails() throws Exception {
        start(1, 10);
        failNext.set(true);
        holdFirst();
        submit(same("second"));
        submit(same("third"));
        awaitWaiting(2);
        mayGo.release(2);

        Map<String, Object> bodies = nextBodies(3);

        assertThat(bodies.get("first")).isInstanceOf(InferenceFaults.class);
        assertThat(bodies.get("second")).isInstanceOf(InferenceOutcome.class);
        assertThat(bodies.get("third")).isInstanceOf(InferenceOutcome.class);
        assertThat(runs).hasValue(2);
    }

    @Test
    void shouldComputeForItselfWhenTheFirstIsCancelled() throws Exception {
        start(1, 10);
        InferenceJob first = holdFirst();
        submit(same("second"));
        awaitWaiting(1);
        scenario.lease.cancel(first.getJobId());
        awaitDevice();
        mayGo.release();

        assertThat(nextBodies(1)).containsOnlyKeys("second");
    }

    @Test
    void shouldComputeForItselfWhenTheDeviceTakesTooLongForTheFirst() throws Exception {
        scenario = ExecutorScenario.in(folder)
                .cacheEntries(10)
                .engines(List.of(EngineAround.doingFirst(this::hold)))
                .settings(settings -> settings.withDeviceTimeout(Duration.ofSeconds(2), Duration.ofMinutes(1)))
                .start();
        holdFirst();
        submit(same("second"));
        awaitWaiting(1);
        awaitDevice();
        mayGo.release();

        Map<String, Object> bodies = nextBodies(2);
        assertThat(bodies.get("first")).isInstanceOf(InferenceFaults.class);
        assertThat(bodies.get("second")).isInstanceOf(InferenceOutcome.class);
    }

    @Test
    void shouldReportNothingWhenAWaitingJobIsCancelled() throws Exception {
        start(1, 10);
        holdFirst();
        InferenceJob second = submit(same("second"));
        awaitWaiting(1);
        scenario.lease.cancel(second.getJobId());
        awaitWaiting(0);
        mayGo.release();

        assertThat(nextBodies(1)).containsOnlyKeys("first");
    }

    @Test
    void shouldDropWhatWaitsAndFinishTheFirstWhenThePartitionIsLost() throws Exception {
        start(1, 10);
        holdFirst();
        submit(same("lost"));
        awaitWaiting(1);
        scenario.openLease().submit(same("kept").build());
        awaitWaiting(2);
        scenario.lease.close();
        mayGo.release();

        assertThat(nextBodies(2)).containsOnlyKeys("first", "kept");
        assertThat(runs).hasValue(1);
    }

    @Test
    void shouldNotWaitBehindALessUrgentOne() throws Exception {
        start(2, 10);
        submit(same("again").setTrigger(Trigger.REPROCESS));
        awaitDevice();
        submit(same("live"));
        awaitDevice();
        submit(same("live too").setPriority(-1));
        awaitWaiting(1);
        mayGo.release(2);

        assertThat(nextBodies(3)).containsOnlyKeys("again", "live", "live too");
        assertThat(runs).hasValue(2);
    }

    @Test
    void shouldComputeEachWhenNoResultsAreRemembered() throws Exception {
        start(2, 0);
        holdFirst();
        submit(same("second"));
        awaitDevice();
        mayGo.release(2);

        assertThat(nextBodies(2)).containsOnlyKeys("first", "second");
        assertThat(runs).hasValue(2);
    }
}
