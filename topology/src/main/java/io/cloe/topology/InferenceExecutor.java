package io.cloe.topology;

import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.ModelReference;
import java.util.function.IntFunction;
import java.util.function.Predicate;

/**
 * What runs inference outside the stream threads. Results never come back through this interface: the executor writes an
 * {@code InferenceResult} to the partition that the lease was opened for.
 */
public interface InferenceExecutor {

    /**
     * Opens a lease for a task that was assigned, or assigned again, to this process. Called by the task's stream thread; must
     * not block. The executor then writes one {@code TaskClaim} to the partition: until the task has consumed a record,
     * Kafka would not fence what a stalled former owner writes.
     *
     * @param partition the task's partition
     */
    Lease open(int partition);

    /**
     * Whether jobs that name this model can be done here now. A model that is not at hand may be fetched because it was asked for. Called
     * by stream threads, often; must not block.
     *
     * @param model a model; its digest counts
     */
    default boolean serves(ModelReference model) {
        return true;
    }

    /**
     * An executor that does as another, but for its leases.
     *
     * @param leases opens a lease for a partition
     */
    static InferenceExecutor wrapping(InferenceExecutor inner, IntFunction<Lease> leases) {
        return with(leases, inner::serves);
    }

    /**
     * An executor of two parts.
     *
     * @param leases opens a lease for a partition
     * @param models whether a model can be named
     */
    static InferenceExecutor with(IntFunction<Lease> leases, Predicate<ModelReference> models) {
        return new InferenceExecutor() {
            @Override
            public Lease open(int partition) {
                return leases.apply(partition);
            }

            @Override
            public boolean serves(ModelReference model) {
                return models.test(model);
            }
        };
    }

    /** One task assignment's right to have jobs done. All methods are called by the task's stream thread; none may block. */
    interface Lease extends AutoCloseable {

        /** Queues a job; a job with an id that is queued or running already is not queued again. */
        void submit(InferenceJob job);

        /** Drops a job that is no longer wanted; its result, if it comes after all, is ignored by the topology. */
        void cancel(String jobId);

        /** Ends the lease: queued jobs are dropped, running ones may finish. May be called more than once. */
        @Override
        void close();
    }
}
