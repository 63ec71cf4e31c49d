package io.cloe.worker.execution;

import io.cloe.schemas.InferenceJob;
import io.cloe.topology.InferenceExecutor.Lease;
import io.cloe.worker.execution.Stages.Decoded;
import io.cloe.worker.execution.Stages.Segmented;
import io.cloe.worker.inference.EngineException;
import io.cloe.worker.inference.InferenceControl;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** A job on its way. What has no lock of its own is written by one stage and read by the next, with a queue between them. */
final class Work {

    private final InferenceJob job;
    private final int partition;
    private final PriorityClass worth;
    private final Map<String, Long> timings = new ConcurrentHashMap<>();
    private final InferenceControl control = new InferenceControl(() -> this.beforeWindow.run());

    /** Guarded by the job table's lock, as is {@code released}. */
    Lease lease;

    boolean released;
    boolean entered;
    ServedModel model;
    MemoryBudget.Reservation memory;
    Decoded decoded;

    /** Digest of what was read; known from the first decoding on. */
    String inputDigest;

    /** What this computes for all jobs like it; null while it does not. */
    String computes;

    /** The result of the job that this one waited for, and the digest of its model; null if there is none. */
    Measures shared;

    String sharedModel;
    long decodedAt;
    Segmented segmented;
    Measures measures;
    volatile Runnable beforeWindow = () -> {};
    volatile boolean ranOutOfTime;
    volatile boolean heldByStuckDevice;

    Work(InferenceJob job, Lease lease, int partition) {
        this.job = job;
        this.lease = lease;
        this.partition = partition;
        this.worth = PriorityClass.of(job);
    }

    /** What a job gave up to wait as a reference. */
    record Held(ServedModel model, MemoryBudget.Reservation memory) {}

    /** Is a reference again, as when it was submitted. */
    Held letGo() {
        Held held = new Held(model, memory);
        model = null;
        memory = null;
        decoded = null;
        entered = false;
        return held;
    }

    InferenceJob job() {
        return job;
    }

    int partition() {
        return partition;
    }

    PriorityClass worth() {
        return worth;
    }

    InferenceControl control() {
        return control;
    }

    Map<String, Long> timings() {
        return timings;
    }

    /** A step that is timed. */
    interface Step<T> {
        T run() throws JobFaultException, EngineException, InterruptedException;
    }

    <T> T timed(String stage, Step<T> step) throws JobFaultException, EngineException, InterruptedException {
        long start = System.nanoTime();
        T done = step.run();
        timings.put(stage, (System.nanoTime() - start) / 1_000_000);
        return done;
    }
}
