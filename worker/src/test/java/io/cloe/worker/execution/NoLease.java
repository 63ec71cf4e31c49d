package io.cloe.worker.execution;

import io.cloe.schemas.InferenceJob;
import io.cloe.topology.InferenceExecutor.Lease;

/** Somebody's lease whose jobs a test makes itself. */
final class NoLease implements Lease {

    @Override
    public void submit(InferenceJob job) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void cancel(String jobId) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException();
    }
}
