package io.cloe.worker.execution;

import static io.cloe.worker.execution.EngineAround.doingFirst;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.InferenceFault;
import io.cloe.schemas.InferenceFaults;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceOutcome;
import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.Trigger;
import io.cloe.worker.inference.EngineException;
import io.cloe.worker.inference.InferenceControl;
import io.cloe.worker.inference.LongRun;
import io.cloe.worker.inference.StudyEngine;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What devices do that are interrupted, slow or stuck, or several. */
@Timeout(60)
class DeviceLanesTest {

    private static final Duration SOON = Duration.ofMillis(50);
    private static final long POLL_NANOS = 1_000_000;

    @TempDir
    Path folder;

    private static void await(CountDownLatch latch) {
        boolean interrupted = false;
        while (true) {
            try {
                assertThat(latch.await(50, TimeUnit.SECONDS)).isTrue();
                break;
            } catch (InterruptedException e) {
                interrupted = true; // as native code does not notice
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private static List<InferenceFault> faults(InferenceResult result) {
        assertThat(result.getBody()).isInstanceOf(InferenceFaults.class);
        return ((InferenceFaults) result.getBody()).getFaults();
    }

    private static final InferenceFault MAY_BE_TRIED_AGAIN = new InferenceFault(null, FailureReason.ENGINE_ERROR, true);

    @Test
    void shouldRunALiveStudyBetweenTwoWindowsWhenOneIsReprocessed() throws Exception {
        CountDownLatch reprocessRuns = new CountDownLatch(1);
        CountDownLatch liveIsReady = new CountDownLatch(1);
        UnaryOperator<StudyEngine> hold = doingFirst(control -> {
            reprocessRuns.countDown();
            await(liveIsReady);
        });
        try (ExecutorScenario scenario =
                ExecutorScenario.in(folder).engines(List.of(hold)).start()) {
            scenario.lease.submit(
                    scenario.goodJob("again").setTrigger(Trigger.REPROCESS).build());
            await(reprocessRuns);
            scenario.lease.submit(scenario.goodJob("live").build());
            scenario.await("a live study is ready", now -> now.ready().get(PriorityClass.LIVE) > 0);
            liveIsReady.countDown();

            // Both may be written at the same time.
            assertThat(List.of(scenario.nextStudy(), scenario.nextStudy())).containsExactlyInAnyOrder("live", "again");
            ExecutorSnapshot.Device device =
                    scenario.executor.snapshot().devices().get(0);
            assertThat(device.interruptions()).isEqualTo(1);
            assertThat(device.studies()).isEqualTo(2);
            assertThat(device.busyNanos()).isPositive();
        }
    }

    @Test
    void shouldStopAWholeCropThatIsReprocessedWhenALiveStudyIsReady() throws Exception {
        CountDownLatch reprocessRuns = new CountDownLatch(1);
        AtomicBoolean first = new AtomicBoolean(true);
        UnaryOperator<StudyEngine> longRun = doingFirst(control -> {
            if (first.getAndSet(false)) {
                LongRun.untilItMakesWay(control, reprocessRuns::countDown);
            }
        });
        try (ExecutorScenario scenario =
                ExecutorScenario.in(folder).engines(List.of(longRun)).start()) {
            scenario.lease.submit(
                    scenario.goodJob("again").setTrigger(Trigger.REPROCESS).build());
            await(reprocessRuns);
            scenario.lease.submit(scenario.goodJob("live").build());

            assertThat(List.of(scenario.nextStudy(), scenario.nextStudy())).containsExactlyInAnyOrder("live", "again");
            assertThat(scenario.executor.snapshot().devices().get(0).interruptions())
                    .isEqualTo(1);
        }
    }

    @Test
    void shouldStopOneOfSeveralWholeCropsWhenOneLiveStudyIsReady() throws Exception {
        Set<InferenceControl> running = ConcurrentHashMap.newKeySet();
        CountDownLatch bothRun = new CountDownLatch(2);
        AtomicInteger stopped = new AtomicInteger();
        UnaryOperator<StudyEngine> longRun = doingFirst(control -> {
            if (bothRun.getCount() > 0) {
                LongRun.untilItMakesWay(control, () -> {
                    running.add(control);
                    bothRun.countDown();
                });
                stopped.incrementAndGet();
            }
        });
        try (ExecutorScenario scenario =
                ExecutorScenario.in(folder).engines(List.of(longRun, longRun)).start()) {
            for (String again : List.of("again-a", "again-b")) {
                scenario.lease.submit(
                        scenario.goodJob(again).setTrigger(Trigger.REPROCESS).build());
            }
            await(bothRun);
            scenario.lease.submit(scenario.goodJob("live").build());
            List<String> made = List.of(scenario.nextStudy(), scenario.nextStudy());

            assertThat(made).contains("live");
            assertThat(stopped).hasValue(1);
            running.forEach(InferenceControl::makeWay);
            assertThat(scenario.nextStudy()).startsWith("again-");
        }
    }

    @Test
    void shouldReadLiveStudiesAheadWhenReprocessingHoldsItsPlaces() throws Exception {
        CountDownLatch reprocessRuns = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        UnaryOperator<StudyEngine> hold = doingFirst(control -> {
            reprocessRuns.countDown();
            await(end);
        });
        try (ExecutorScenario scenario =
                ExecutorScenario.in(folder).engines(List.of(hold)).start()) {
            for (int i = 0; i < 3; i++) {
                scenario.lease.submit(scenario.goodJob("again-" + i)
                        .setTrigger(Trigger.REPROCESS)
                        .build());
            }
            await(reprocessRuns);
            scenario.await("another waits", now -> now.ready().get(PriorityClass.REPROCESS) == 1);
            for (int i = 0; i < 3; i++) {
                scenario.lease.submit(scenario.goodJob("live-" + i).build());
            }
            scenario.await("two live studies are ready", now -> now.ready().get(PriorityClass.LIVE) == 2);
            end.countDown();
            for (int i = 0; i < 6; i++) {
                scenario.next();
            }
        }
    }

    @Test
    void shouldGiveTheSameMaskWhenAStudyWasInterrupted() throws Exception {
        CountDownLatch liveIsReady = new CountDownLatch(1);
        byte[] undisturbed;
        try (ExecutorScenario scenario =
                ExecutorScenario.in(folder.resolve("quiet")).start()) {
            undisturbed = mask(scenario.outcomeOf(scenario.goodJob("again").build()));
        }
        try (ExecutorScenario scenario = ExecutorScenario.in(folder.resolve("busy"))
                .engines(List.of(doingFirst(control -> await(liveIsReady))))
                .start()) {
            scenario.lease.submit(
                    scenario.goodJob("again").setTrigger(Trigger.REPROCESS).build());
            scenario.await("the device runs", now -> now.devices().get(0).busy());
            scenario.lease.submit(scenario.goodJob("live").build());
            scenario.await("a live study is ready", now -> now.ready().get(PriorityClass.LIVE) > 0);
            liveIsReady.countDown();
            Map<String, InferenceResult> results = new HashMap<>();
            for (int i = 0; i < 2; i++) {
                InferenceResult result = scenario.next().result();
                results.put(result.getStudyId(), result);
            }

            assertThat(scenario.executor.snapshot().devices().get(0).interruptions())
                    .isEqualTo(1);
            assertThat(mask((InferenceOutcome) results.get("again").getBody())).isEqualTo(undisturbed);
        }
    }

    private static byte[] mask(InferenceOutcome outcome) {
        return MaskBytes.labels(ExecutorScenario.pathOf(outcome.getMask().getUri()));
    }

    @Test
    void shouldStopTheStudyAndGoOnWhenTheDeviceTakesTooLong() throws Exception {
        CountDownLatch once = new CountDownLatch(1);
        UnaryOperator<StudyEngine> slowOnce = doingFirst(control -> {
            if (once.getCount() == 1) {
                once.countDown();
                while (!control.isCancelled()) {
                    LockSupport.parkNanos(POLL_NANOS); // an interrupt does not end it, as it does not end native code
                }
            }
        });
        try (ExecutorScenario scenario = ExecutorScenario.in(folder)
                .engines(List.of(slowOnce))
                .settings(settings -> settings.withDeviceTimeout(SOON, Duration.ofMinutes(1)))
                .start()) {
            assertThat(scenario.faultsOf(scenario.goodJob("slow").build())).containsExactly(MAY_BE_TRIED_AGAIN);
            InferenceJob next = scenario.goodJob("next").build();
            while (scenario.run(next).getBody() instanceof InferenceFaults) {
                // A busy machine may take longer than that for a good one too.
                next = scenario.goodJob("next")
                        .setAttempt(next.getAttempt() + 1)
                        .build();
            }
            assertThat(scenario.executor.snapshot().devices().get(0).stuck()).isFalse();
        }
    }

    @Test
    void shouldUseTheOtherDeviceWhenOneIsStuck() throws Exception {
        CountDownLatch end = new CountDownLatch(1);
        CountDownLatch isStuck = new CountDownLatch(1);
        UnaryOperator<StudyEngine> stuck = doingFirst(control -> {
            isStuck.countDown();
            await(end);
        });
        UnaryOperator<StudyEngine> good = doingFirst(control -> await(isStuck)); // so that the other gets one too
        try (ExecutorScenario scenario = ExecutorScenario.in(folder)
                .engines(List.of(stuck, good))
                .settings(settings -> settings.withDeviceTimeout(Duration.ofSeconds(2), SOON))
                .start()) {
            for (int i = 0; i < 6; i++) {
                scenario.lease.submit(scenario.goodJob("study-" + i).build());
            }
            int failed = 0;
            for (int i = 0; i < 6; i++) {
                InferenceResult result = scenario.next().result();
                if (result.getBody() instanceof InferenceFaults) {
                    assertThat(faults(result)).containsExactly(MAY_BE_TRIED_AGAIN);
                    failed++;
                }
            }
            assertThat(failed).isEqualTo(1);
            assertThat(scenario.executor.snapshot().devices())
                    .extracting(ExecutorSnapshot.Device::stuck)
                    .containsExactly(true, false);
            assertThat(scenario.noDeviceAnswers.getCount()).isEqualTo(1);
            end.countDown();
        }
    }

    @Test
    void shouldTellThatNoDeviceIsLeftWhenTheLastOneIsStuck() throws Exception {
        CountDownLatch end = new CountDownLatch(1);
        try (ExecutorScenario scenario = ExecutorScenario.in(folder)
                .engines(List.of(doingFirst(control -> await(end))))
                .settings(settings -> settings.withDeviceTimeout(SOON, SOON))
                .start()) {
            assertThat(scenario.faultsOf(scenario.goodJob("study").build())).containsExactly(MAY_BE_TRIED_AGAIN);
            await(scenario.noDeviceAnswers);
            end.countDown();
        }
    }

    @Test
    void shouldUseTheModelThatTheJobNamesWhenThereAreTwo() throws Exception {
        try (ExecutorScenario scenario = ExecutorScenario.in(folder)
                .modelOf(job -> Optional.of(job.getStudyId()).filter(study -> study.length() == 64))
                .start()) {
            String live = scenario.bundle.identity().digest();
            try (StudyEngine other = ExecutorScenario.open(TinyBundles.withVersion(folder.resolve("other"), "2.0.0"))) {
                String digest = other.bundle().identity().digest();
                ModelEngines second = new ModelEngines(other.bundle(), List.of(other));
                scenario.executor.serve(second);
                assertThat(modelOf(scenario, "unnamed")).isEqualTo(live);
                assertThat(modelOf(scenario, digest)).isEqualTo(digest);

                scenario.executor.makeLive(digest);
                assertThat(modelOf(scenario, "unnamed")).isEqualTo(digest);
                assertThat(modelOf(scenario, live)).isEqualTo(live);

                scenario.executor.makeLive(live);
                assertThat(scenario.executor.retire(digest).orElseThrow().get(10, TimeUnit.SECONDS))
                        .isEqualTo(second);
                assertThat(scenario.faultsOf(scenario.goodJob(digest).build()))
                        .containsExactly(new InferenceFault(null, FailureReason.UNKNOWN_FAMILY, false));
                assertThatThrownBy(() -> scenario.executor.retire(live)).isInstanceOf(IllegalStateException.class);
            }
        }
    }

    @Test
    void shouldSayThatAModelIsNamedUntilTheLastJobThatNamesItHasEnded() throws Exception {
        CountDownLatch end = new CountDownLatch(1);
        try (ExecutorScenario scenario = ExecutorScenario.in(folder)
                .modelOf(job -> Optional.of(job.getStudyId()).filter(study -> study.length() == 64))
                .engines(List.of(doingFirst(control -> await(end))))
                .start()) {
            String model = scenario.bundle.identity().digest();
            assertThat(scenario.executor.isNamed(model)).isFalse();

            scenario.lease.submit(scenario.goodJob(model).build());
            assertThat(scenario.executor.isNamed(model)).isTrue();

            end.countDown();
            assertThat(scenario.sent.poll(30, TimeUnit.SECONDS)).isNotNull();
            assertThat(scenario.executor.isNamed(model)).isFalse();
        }
    }

    private static String modelOf(ExecutorScenario scenario, String study) throws InterruptedException {
        return scenario.outcomeOf(scenario.goodJob(study).build()).getModel().getSha256();
    }

    @Test
    void shouldCloseSessionsWhenTheyWereNotUsedForLong() throws Exception {
        LinkedBlockingQueue<Duration> asked = new LinkedBlockingQueue<>();
        UnaryOperator<StudyEngine> listening = real -> new EngineAround(real, control -> {}) {
            @Override
            public void closeSessionsIdleFor(Duration idle) throws EngineException {
                super.closeSessionsIdleFor(idle);
                asked.add(idle);
            }
        };
        try (ExecutorScenario scenario = ExecutorScenario.in(folder)
                .engines(List.of(listening))
                .settings(settings -> settings.withSessionIdle(SOON))
                .start()) {
            scenario.outcomeOf(scenario.goodJob("first").build());
            assertThat(asked.poll(20, TimeUnit.SECONDS)).isEqualTo(SOON);
            scenario.outcomeOf(scenario.goodJob("second").build());
        }
    }
}
