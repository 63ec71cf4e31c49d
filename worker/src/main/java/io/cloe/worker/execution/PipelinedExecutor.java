package io.cloe.worker.execution;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.InferenceFault;
import io.cloe.schemas.InferenceFaults;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceOutcome;
import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.Trigger;
import io.cloe.topology.InferenceExecutor;
import io.cloe.worker.execution.Stages.Decoded;
import io.cloe.worker.execution.Stages.Segmented;
import io.cloe.worker.inference.CancelledException;
import io.cloe.worker.inference.EngineException;
import io.cloe.worker.inference.InferenceControl;
import io.cloe.worker.inference.InferenceEngine;
import io.cloe.worker.masks.MaskStore;
import io.cloe.worker.volume.VolumeSource;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.PriorityBlockingQueue;
import java.util.concurrent.Semaphore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs jobs through three stages, each with its own threads: read and normalise; the device, one thread; make and write the
 * mask. While the device works on one study the next is read and the last one written. At most {@code decodeThreads + 1}
 * studies are in memory at a time; all others wait as references.
 *
 * <p>Jobs run by priority, live ones before reprocessing, the longest waiting first.
 */
public final class PipelinedExecutor implements InferenceExecutor, AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(PipelinedExecutor.class);

    private final Map<String, StudyInference> inferenceByFamily = new HashMap<>();
    private final ResultSender sender;
    private final ResultCache cache;
    private final Clock clock;
    private final StudyPseudonym pseudonym;
    private final Map<String, Work> byJob = new HashMap<>();
    private final PriorityBlockingQueue<Work> waiting = new PriorityBlockingQueue<>(64, Work.NEXT_FIRST);
    private final PriorityBlockingQueue<Work> decoded = new PriorityBlockingQueue<>(8, Work.NEXT_FIRST);
    private final PriorityBlockingQueue<Work> segmented = new PriorityBlockingQueue<>(8, Work.NEXT_FIRST);
    private final Semaphore inMemory;
    private final List<Thread> threads = new ArrayList<>();
    private volatile boolean closed;

    /**
     * Starts the threads.
     *
     * @param engines an engine per model family; used by the device thread alone, and not closed here
     * @param volumes where volumes come from
     * @param masks where masks go
     * @param sender how results travel
     * @param settings sizes of the stages
     * @param clock time of results
     * @param random secret of the names that studies have in logs
     */
    public PipelinedExecutor(
            List<InferenceEngine> engines,
            VolumeSource volumes,
            MaskStore masks,
            ResultSender sender,
            ExecutorSettings settings,
            Clock clock,
            SecureRandom random) {
        for (InferenceEngine engine : engines) {
            inferenceByFamily.put(
                    engine.bundle().identity().family(),
                    new StudyInference(
                            engine, volumes, masks, settings.maxVoxels(), settings.maskInlineMaxBytes(), clock));
        }
        this.sender = sender;
        this.cache = new ResultCache(settings.resultCacheEntries());
        this.clock = clock;
        this.pseudonym = new StudyPseudonym(random);
        this.inMemory = new Semaphore(settings.decodeThreads() + 1);
        for (int i = 0; i < settings.decodeThreads(); i++) {
            start("cloe-decode-" + i, this::decodeNext);
        }
        start("cloe-device", this::segmentNext);
        start("cloe-write", this::writeNext);
    }

    /** One pass of a stage. */
    private interface Pass {
        void run() throws InterruptedException;
    }

    private void start(String name, Pass pass) {
        Thread thread = new Thread(() -> loop(pass), name);
        thread.setDaemon(true);
        threads.add(thread);
        thread.start();
    }

    private void loop(Pass pass) {
        while (!closed) {
            try {
                pass.run();
            } catch (InterruptedException e) {
                // Only close() interrupts; the loop's condition ends the thread.
                LOG.debug("{} ends", Thread.currentThread().getName());
                return;
            } catch (RuntimeException e) {
                // Reporting failed: the job waits in the topology for its next owner, the other studies go on here.
                LOG.error("a result could not be handed over: {}", StackOnly.of(e));
            }
        }
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
            synchronized (byJob) {
                Work known = byJob.get(job.getJobId());
                if (known != null) {
                    known.lease = this;
                    return;
                }
                Work work = new Work(job, this, partition);
                byJob.put(job.getJobId(), work);
                waiting.add(work);
            }
            LOG.info(
                    "job {} of study {} queued: {} of {} modalities {}, attempt {}",
                    job.getJobId(),
                    pseudonym.of(job.getStudyId()),
                    job.getTrigger(),
                    job.getFamily(),
                    modalities(job),
                    job.getAttempt());
        }

        @Override
        public void cancel(String jobId) {
            synchronized (byJob) {
                Work work = byJob.remove(jobId);
                if (work != null) {
                    work.control.cancel("no longer wanted");
                    waiting.remove(work);
                }
            }
        }

        /** Running jobs go on: their results reach the partition's next owner, whose pending store decides. */
        @Override
        public void close() {
            synchronized (byJob) {
                waiting.removeIf(work -> work.lease == this && byJob.remove(work.job.getJobId(), work));
            }
        }
    }

    private static List<String> modalities(InferenceJob job) {
        return job.getScans().stream().map(scan -> scan.getScan().getModality()).toList();
    }

    // ---- stages
    // ------------------------------------------------------------------------------------------------------

    private void decodeNext() throws InterruptedException {
        inMemory.acquire();
        Work work = waiting.take();
        attempt(work, () -> {
            // The clock of whoever queued it may be ahead of this one.
            long queued =
                    Duration.between(work.job.getQueuedAt(), clock.instant()).toMillis();
            work.timings.put("queue", Math.max(0, queued));
            StudyInference inference = inference(work);
            work.decoded = work.timed("decode", () -> inference.decode(work.job));
            work.decodedAt = System.nanoTime();
            decoded.add(work);
        });
    }

    private void segmentNext() throws InterruptedException {
        Work work = decoded.take();
        attempt(work, () -> {
            work.timings.put("device-queue", (System.nanoTime() - work.decodedAt) / 1_000_000);
            StudyInference inference = inference(work);
            Optional<Measures> known = cache.find(inference.model().digest(), work.decoded.inputDigest());
            if (known.isPresent()) {
                work.measures = known.get();
            } else {
                work.segmented = work.timed("infer", () -> inference.segment(work.decoded, work.control));
            }
            segmented.add(work);
        });
    }

    private void writeNext() throws InterruptedException {
        Work work = segmented.take();
        attempt(work, () -> {
            StudyInference inference = inference(work);
            String inputDigest = work.decoded.inputDigest();
            if (work.measures == null) {
                work.measures = work.timed("measure", () -> inference.measure(work.segmented));
                cache.put(inference.model().digest(), inputDigest, work.measures);
            }
            InferenceOutcome outcome = inference.store(work.job, inputDigest, work.measures, work.timings);
            LOG.info(
                    "job {} of study {} done: revision {}, {} ms",
                    work.job.getJobId(),
                    pseudonym.of(work.job.getStudyId()),
                    work.job.getRevision(),
                    outcome.getTimingsMs());
            end(work, outcome);
        });
    }

    private StudyInference inference(Work work) throws JobFaultException {
        StudyInference inference = inferenceByFamily.get(work.job.getFamily());
        if (inference == null) {
            throw JobFaultException.ofJob(FailureReason.UNKNOWN_FAMILY, false);
        }
        return inference;
    }

    /** A stage's work. */
    private interface Stage {
        void run() throws JobFaultException, EngineException;
    }

    private void attempt(Work work, Stage stage) {
        try {
            if (work.control.isCancelled()) {
                release(work);
            } else {
                stage.run();
            }
        } catch (CancelledException e) {
            release(work);
        } catch (JobFaultException e) {
            fail(work, e.faults());
        } catch (EngineException e) {
            LOG.error("job {} failed: {} {}", work.job.getJobId(), e.kind(), e.getMessage());
            boolean permanent =
                    e.kind() == EngineException.Kind.STUDY_TOO_LARGE || e.kind() == EngineException.Kind.INVALID_INPUT;
            fail(work, List.of(new InferenceFault(null, e.reason(), !permanent)));
        } catch (OutOfMemoryError e) {
            LOG.error("job {} ran out of heap", work.job.getJobId());
            fail(work, List.of(new InferenceFault(null, FailureReason.OUT_OF_MEMORY, true)));
        } catch (RuntimeException | Error e) {
            // Errors too: a stage that died would hold up every study. The message may quote data; the stack does not.
            LOG.error("job {} failed: {}", work.job.getJobId(), StackOnly.of(e));
            fail(work, List.of(new InferenceFault(null, FailureReason.ENGINE_ERROR, true)));
        }
    }

    private void fail(Work work, List<InferenceFault> faults) {
        end(work, new InferenceFaults(faults, clock.instant()));
    }

    private void end(Work work, Object body) {
        if (release(work)) {
            sender.send(work.partition, new InferenceResult(work.job.getJobId(), work.job.getStudyId(), body));
        }
    }

    /**
     * Ends a job's stay in memory.
     *
     * @return whether its result is wanted: true at most once, and never for a cancelled job
     */
    private boolean release(Work work) {
        synchronized (byJob) {
            if (work.released) {
                return false;
            }
            work.released = true;
            inMemory.release();
            return byJob.remove(work.job.getJobId(), work);
        }
    }

    /** Stops the threads; jobs that were not done stay in the topology's pending store. */
    @Override
    public void close() {
        closed = true;
        synchronized (byJob) {
            byJob.values().forEach(work -> work.control.cancel("the worker stops"));
            // A file that the interrupt below closes is no fault of the study: nothing is reported any more.
            byJob.clear();
        }
        threads.forEach(Thread::interrupt);
        for (Thread thread : threads) {
            try {
                thread.join(Duration.ofSeconds(10).toMillis());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }

    /** A job on its way. Fields are written by one stage and read by the next, with a queue between them. */
    private static final class Work {

        static final Comparator<Work> NEXT_FIRST = Comparator.comparing((Work work) -> work.isReprocessing())
                .thenComparing(work -> work.job.getPriority(), Comparator.reverseOrder())
                .thenComparing(work -> work.job.getQueuedAt());

        private final InferenceJob job;
        private final int partition;
        private final InferenceControl control = new InferenceControl();
        private final Map<String, Long> timings = new TreeMap<>();
        /** Guarded by {@code byJob}, as is {@code released}. */
        private Lease lease;

        private boolean released;
        private Decoded decoded;
        private long decodedAt;
        private Segmented segmented;
        private Measures measures;

        Work(InferenceJob job, Lease lease, int partition) {
            this.job = job;
            this.lease = lease;
            this.partition = partition;
        }

        boolean isReprocessing() {
            return job.getTrigger() == Trigger.REPROCESS;
        }

        /** A step that is timed. */
        interface Step<T> {
            T run() throws JobFaultException, EngineException;
        }

        <T> T timed(String stage, Step<T> step) throws JobFaultException, EngineException {
            long start = System.nanoTime();
            T done = step.run();
            timings.put(stage, (System.nanoTime() - start) / 1_000_000);
            return done;
        }
    }
}
