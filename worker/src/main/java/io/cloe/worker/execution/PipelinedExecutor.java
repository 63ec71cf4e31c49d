package io.cloe.worker.execution;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.InferenceFault;
import io.cloe.schemas.InferenceFaults;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceOutcome;
import io.cloe.schemas.InferenceResult;
import io.cloe.topology.InferenceExecutor;
import io.cloe.worker.bundle.ModelIdentity;
import io.cloe.worker.execution.Stages.Segmented;
import io.cloe.worker.inference.CancelledException;
import io.cloe.worker.inference.EngineException;
import io.cloe.worker.inference.StudyEngine;
import io.cloe.worker.masks.MaskStore;
import io.cloe.worker.volume.VolumeSource;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs jobs through three stages: read and normalise, a thread per volume; the device, one thread for each; make and write the mask.
 * While a device works on one study the next is read and the last one written. At most {@code decodeThreads} studies and one more per
 * device are in memory at a time, as many again of reprocessing that live ones interrupted, and no more than their planned bytes allow;
 * all others wait as references.
 *
 * <p>Jobs run by priority, live ones before reprocessing, the longest waiting first. Live studies interrupt reprocessing between two
 * windows, and keep it out of the other stages; it still gets a small share of the device where they leave no gap.
 *
 * <p>Jobs with the same input and model that are here at the same time are computed once, unless no results are remembered at all.
 *
 * <p>A device that takes too long for a study is stopped, and the study may be tried again. A device that does not stop is stuck: it gets
 * no more work, what it held may be tried again, and the other devices go on.
 */
public final class PipelinedExecutor implements InferenceExecutor, AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(PipelinedExecutor.class);
    private static final long LONG_WAIT_MILLIS = 60_000;

    private final VolumeSource volumes;
    private final MaskStore masks;
    private final ResultSender sender;
    private final ExecutorSettings settings;
    private final Runnable whenNoDeviceAnswers;
    private final Clock clock;
    private final Pseudonyms pseudonyms;
    private final Function<InferenceJob, Optional<String>> modelOf;
    private final ModelTable models;
    private final ResultCache cache;
    private final boolean resultsAreShared;
    private final FloorShare floor;
    private final WorkQueue waiting;
    private final WorkQueue ready;
    private final WorkQueue segmented;
    private final JobTable jobs;
    private final Places places;
    private final ClassLimit writing;
    private final MemoryBudget memory;
    private final RunWatch watch;
    private final StageThreads threads;
    private final DeviceLanes lanes;

    /**
     * Starts the threads.
     *
     * @param models at least one; the first one of a family is its live one; all have as many engines. Not closed here
     * @param modelOf digest of the model that a job asks for; empty for the live one of its family
     * @param volumes where volumes come from
     * @param masks where masks go
     * @param sender how results travel
     * @param settings sizes of the stages
     * @param whenNoDeviceAnswers told once, when the last device is stuck: nothing runs any more, and only a new process can change that
     * @param clock time of results
     * @param random secret of the names that studies have in logs
     */
    public PipelinedExecutor(
            List<ModelEngines> models,
            Function<InferenceJob, Optional<String>> modelOf,
            VolumeSource volumes,
            MaskStore masks,
            ResultSender sender,
            ExecutorSettings settings,
            Runnable whenNoDeviceAnswers,
            Clock clock,
            SecureRandom random) {
        this.volumes = volumes;
        this.masks = masks;
        this.sender = sender;
        this.settings = settings;
        this.whenNoDeviceAnswers = whenNoDeviceAnswers;
        this.clock = clock;
        this.pseudonyms = new Pseudonyms(random);
        this.modelOf = modelOf;
        this.models = new ModelTable(modelOf);
        this.cache = new ResultCache(settings.resultCache());
        this.resultsAreShared = settings.resultCache().entries() > 0;
        this.floor = new FloorShare(settings.reprocessShare());
        this.waiting = new WorkQueue(floor);
        this.ready = new WorkQueue(floor);
        this.segmented = new WorkQueue(floor);
        this.jobs = new JobTable(waiting);
        this.memory = new MemoryBudget(settings.memoryBytes());
        this.watch = new RunWatch(settings.deviceTimeout(), settings.deviceGrace());
        this.threads = new StageThreads(settings.decodeThreads());
        List<String> devices =
                models.get(0).engines().stream().map(StudyEngine::deviceName).toList();
        this.places = new Places(settings.decodeThreads(), devices.size(), floor);
        this.writing = new ClassLimit(devices.size());
        DeviceLane.Use use = new LaneUse();
        this.lanes = new DeviceLanes(IntStream.range(0, devices.size())
                .mapToObj(i -> new DeviceLane(
                        i, devices.get(i), ready, floor, watch, settings.sessionIdle(), use, System::nanoTime))
                .toList());
        models.forEach(this::serve);
        // One more for reading and for writing than a class may use, so that live studies never wait for a thread that
        // reprocessing has.
        for (int i = 0; i <= settings.decodeThreads(); i++) {
            threads.start("cloe-decode-" + i, this::decodeNext);
        }
        for (DeviceLane lane : lanes.all()) {
            threads.start("cloe-device-" + lane.index(), () -> runNext(lane), lane::isStuck);
        }
        for (int i = 0; i <= lanes.size(); i++) {
            threads.start("cloe-write-" + i, this::writeNext);
        }
    }

    // ---- models
    // ------------------------------------------------------------------------------------------------------

    /**
     * Serves a model more, beside those that are served.
     *
     * @throws IllegalArgumentException if it does not have an engine for every device
     */
    public void serve(ModelEngines model) {
        if (model.engines().size() != lanes.size()) {
            throw new IllegalArgumentException("a model needs an engine for each of " + lanes.size() + " devices");
        }
        models.serve(new ServedModel(
                model,
                new StudyReading(model, volumes, settings.maxVoxels(), pseudonyms),
                new StudyWriting(
                        model.bundle(),
                        masks,
                        settings.maxVoxels(),
                        settings.maskInlineMaxBytes(),
                        clock,
                        pseudonyms)));
    }

    /**
     * Makes a served model its family's live one, for jobs that name none. Jobs that have begun end with the model they began with.
     *
     * @throws IllegalArgumentException if the model is not served
     */
    public void makeLive(String digest) {
        if (!models.makeLive(digest)) {
            throw new IllegalArgumentException("the model is not served");
        }
    }

    /**
     * Serves a model no more; jobs that name it fail from now on.
     *
     * @return completes, with what can be closed, when the last job that had begun with it has ended; empty if it was not served
     * @throws IllegalStateException if it is its family's live one
     */
    public Optional<CompletableFuture<ModelEngines>> retire(String digest) {
        return models.retire(digest);
    }

    /** Whether a job that waits or runs names a model; such a model should not be retired. Any thread. */
    public boolean isNamed(String digest) {
        return jobs.anyMatch(job -> modelOf.apply(job).equals(Optional.of(digest)));
    }

    /** What is going on. Any thread. */
    public ExecutorSnapshot snapshot() {
        return new ExecutorSnapshot(
                lanes.snapshots(),
                waiting.sizes(),
                ready.sizes(),
                segmented.size(PriorityClass.LIVE) + segmented.size(PriorityClass.REPROCESS),
                jobs.waitingForSame(),
                memory.reserved(),
                memory.total());
    }

    // ---- leases
    // ------------------------------------------------------------------------------------------------------

    @Override
    public Lease open(int partition) {
        sender.claim(partition);
        return new TaskLease(partition);
    }

    private final class TaskLease implements Lease {

        private final int partition;

        TaskLease(int partition) {
            this.partition = partition;
        }

        @Override
        public void submit(InferenceJob job) {
            if (!jobs.submit(job, this, partition)) {
                return;
            }
            LOG.info(
                    "job {} of study {} queued: {} of {} modalities {}, attempt {}",
                    pseudonyms.of(job.getJobId()),
                    pseudonyms.of(job.getStudyId()),
                    job.getTrigger(),
                    job.getFamily(),
                    modalities(job),
                    job.getAttempt());
        }

        @Override
        public void cancel(String jobId) {
            jobs.cancel(jobId);
        }

        @Override
        public void close() {
            jobs.close(this);
        }
    }

    private static List<String> modalities(InferenceJob job) {
        return job.getScans().stream().map(scan -> scan.getScan().getModality()).toList();
    }

    // ---- stages
    // ------------------------------------------------------------------------------------------------------

    private void decodeNext() throws InterruptedException {
        Optional<Work> next = waiting.take(places::tryEnter, LONG_WAIT_MILLIS);
        if (next.isPresent()) {
            Work work = next.get();
            work.entered = true;
            try {
                attempt(work, () -> decode(work));
            } finally {
                places.wasRead(work.worth());
                waiting.letInChanged();
            }
        }
    }

    private void decode(Work work) throws JobFaultException, EngineException, InterruptedException {
        // The clock of whoever queued it may be ahead of this one.
        long queued =
                Duration.between(work.job().getQueuedAt(), clock.instant()).toMillis();
        work.timings().put("queue", Math.max(0, queued));
        work.model =
                models.use(work.job()).orElseThrow(() -> JobFaultException.ofJob(FailureReason.UNKNOWN_FAMILY, false));
        StudyReading reading = work.model.reading();
        ModelIdentity model = work.model.identity();
        StudyMemory plan = reading.plan(work.job());
        if (work.shared != null && model.digest().equals(work.sharedModel)) {
            work.memory = memory.reserve(Math.min(plan.writing(), memory.total()), work.worth());
            work.measures = work.shared;
            segmented.add(work);
            return;
        }
        long planned = plan.most();
        boolean whole = planned <= memory.total();
        work.memory = memory.reserve(Math.min(planned, memory.total()), work.worth());
        work.decoded = work.timed(
                "decode",
                () -> whole
                        ? reading.decode(work.job(), threads.readers(work.worth()))
                        : reading.decodeOneByOne(work.job(), memory.total()));
        work.memory.shrinkTo(work.decoded.memory().onceRead());
        work.decodedAt = System.nanoTime();
        work.inputDigest = work.decoded.inputDigest();
        Optional<Measures> known = cache.find(model, work.inputDigest);
        work.measures = known.orElse(null);
        if (known.isPresent()) {
            segmented.add(work);
        } else if (!resultsAreShared || computesItself(work, model.digest() + work.inputDigest)) {
            ready.add(work);
            if (work.worth() == PriorityClass.LIVE) {
                lanes.makeWay();
            }
        }
    }

    /** Otherwise the job waits for another one's result, as a reference, and comes to {@link #decode} once more. */
    private boolean computesItself(Work work, String input) {
        Optional<Work.Held> held = jobs.waitForSame(work, input);
        if (held.isEmpty()) {
            return true;
        }
        held.get().memory().release();
        held.get().model().leave();
        places.leave(work.worth());
        waiting.letInChanged();
        LOG.info(
                "job {} waits for one with the same input",
                pseudonyms.of(work.job().getJobId()));
        return false;
    }

    private void runNext(DeviceLane lane) throws InterruptedException {
        if (lane.isStuck()) {
            LOG.warn("device {} answered after all; it is used again when the worker is restarted", lane.name());
            throw new InterruptedException("stuck");
        }
        lane.runNext();
    }

    /** What the devices' threads do. */
    private final class LaneUse implements DeviceLane.Use {

        @Override
        public void segment(Work work, DeviceLane lane) {
            attemptOnDevice(work, () -> {
                work.timings().put("device-queue", (System.nanoTime() - work.decodedAt) / 1_000_000);
                Optional<Measures> known = cache.remembered(work.model.identity(), work.inputDigest);
                if (known.isPresent()) {
                    work.measures = known.get();
                } else {
                    StudyEngine engine = work.model.engine(lane.index());
                    work.segmented = work.timed(
                            "infer",
                            () -> new Segmented(
                                    work.decoded,
                                    engine.infer(work.decoded.study().crop(), work.control())));
                }
                if (!lane.isStuck()) {
                    work.memory.shrinkTo(work.decoded.memory().writing());
                    segmented.add(work);
                }
            });
        }

        @Override
        public boolean reprocessingWaits() {
            return waiting.size(PriorityClass.REPROCESS) + ready.size(PriorityClass.REPROCESS) > 0;
        }

        @Override
        public void closeIdleSessions(DeviceLane lane, Duration idle) {
            for (ServedModel model : models.all()) {
                try {
                    model.engine(lane.index()).closeSessionsIdleFor(idle);
                } catch (EngineException e) {
                    LOG.warn("idle sessions of device {} do not close: {}", lane.name(), e.getMessage());
                }
            }
        }

        @Override
        public void stuck(DeviceLane lane, List<Work> held) {
            for (Work work : held) {
                work.heldByStuckDevice = true;
                fail(work, List.of(new InferenceFault(null, FailureReason.ENGINE_ERROR, true)));
            }
            if (lanes.areAllStuck()) {
                LOG.error("no device is left; the process must be started again");
                whenNoDeviceAnswers.run();
            }
        }
    }

    private void writeNext() throws InterruptedException {
        Optional<Work> next = segmented.take(writing::tryEnter, LONG_WAIT_MILLIS);
        if (next.isPresent()) {
            Work work = next.get();
            try {
                attempt(work, () -> write(work));
            } finally {
                writing.leave(work.worth());
                segmented.letInChanged();
            }
        }
    }

    private void write(Work work) throws JobFaultException, EngineException, InterruptedException {
        StudyWriting writing = work.model.writing();
        if (work.measures == null) {
            work.measures = work.timed("measure", () -> writing.measure(work.segmented));
            cache.put(work.model.identity(), work.inputDigest, work.measures);
        }
        InferenceOutcome outcome = writing.store(work.job(), work.inputDigest, work.measures, work.timings());
        LOG.info(
                "job {} of study {} done: revision {}, {} ms",
                pseudonyms.of(work.job().getJobId()),
                pseudonyms.of(work.job().getStudyId()),
                work.job().getRevision(),
                outcome.getTimingsMs());
        end(work, outcome);
    }

    /** A stage's work. */
    private interface Stage {
        void run() throws JobFaultException, EngineException, InterruptedException;
    }

    private void attemptOnDevice(Work work, Stage stage) {
        try {
            attempt(work, stage);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // the device's loop ends where it waits next
        }
    }

    private void attempt(Work work, Stage stage) throws InterruptedException {
        try {
            if (work.control().isCancelled()) {
                release(work);
            } else {
                stage.run();
            }
        } catch (CancelledException e) {
            if (work.ranOutOfTime) {
                LOG.error(
                        "job {} was stopped: the device took longer than {}",
                        pseudonyms.of(work.job().getJobId()),
                        settings.deviceTimeout());
                fail(work, List.of(new InferenceFault(null, FailureReason.ENGINE_ERROR, true)));
            } else {
                release(work);
            }
        } catch (JobFaultException | EngineException | RuntimeException | Error e) {
            // Errors too: a stage that died would hold up every study.
            StageFailure failure = StageFailure.of(e);
            failure.words()
                    .ifPresent(words ->
                            LOG.error("job {} {}", pseudonyms.of(work.job().getJobId()), words));
            fail(work, failure.faults());
        }
    }

    private void fail(Work work, List<InferenceFault> faults) {
        end(work, new InferenceFaults(faults, clock.instant()));
    }

    private void end(Work work, Object body) {
        if (release(work)) {
            sender.send(
                    work.partition(),
                    new InferenceResult(work.job().getJobId(), work.job().getStudyId(), body));
        }
    }

    /**
     * Ends a job's stay in memory.
     *
     * @return whether its result is wanted: true at most once, and never for a cancelled job
     */
    private boolean release(Work work) {
        JobTable.End end = jobs.end(work);
        if (end == JobTable.End.BEFORE) {
            return false;
        }
        if (work.memory != null && !work.heldByStuckDevice) { // what a stuck device holds is never free again
            work.memory.release();
        }
        if (work.model != null) {
            work.model.leave();
        }
        if (work.entered) {
            places.leave(work.worth());
            waiting.letInChanged();
        }
        return end == JobTable.End.WANTED;
    }

    /** Stops the threads; jobs that were not done stay in the topology's pending store. */
    @Override
    public void close() {
        threads.end();
        // A file that the interrupt below closes is no fault of the study: nothing is reported any more.
        jobs.cancelAll("the worker stops");
        try {
            threads.close();
            watch.close();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
