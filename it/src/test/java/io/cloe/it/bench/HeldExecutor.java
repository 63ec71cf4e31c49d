package io.cloe.it.bench;

import io.cloe.schemas.InferenceJob;
import io.cloe.topology.InferenceExecutor;
import io.cloe.worker.execution.ResultSender;
import java.util.function.Consumer;

/** An executor whose jobs end when the measurement says so, reported by the worker's own sender. */
final class HeldExecutor implements InferenceExecutor {

    /**
     * A job that waits for its end.
     *
     * @param partition that its result goes to
     */
    record HeldJob(int partition, InferenceJob job) {}

    private final ResultSender sender;
    private final Consumer<HeldJob> jobs;

    /**
     * @param sender claims tasks
     * @param jobs told of each job, by the stream thread
     */
    HeldExecutor(ResultSender sender, Consumer<HeldJob> jobs) {
        this.sender = sender;
        this.jobs = jobs;
    }

    @Override
    public Lease open(int partition) {
        sender.claim(partition);
        return new Lease() {
            @Override
            public void submit(InferenceJob job) {
                jobs.accept(new HeldJob(partition, job));
            }

            @Override
            public void cancel(String jobId) {
                // Nothing runs.
            }

            @Override
            public void close() {
                // Nothing runs.
            }
        };
    }
}
