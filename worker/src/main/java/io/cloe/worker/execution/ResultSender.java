package io.cloe.worker.execution;

import io.cloe.schemas.InferenceResult;

/** How results and claims travel to the topology. Implementations serve several threads at once. */
public interface ResultSender {

    /** Sends a result to the partition that its job came from. Delivery is tried until the process ends. */
    void send(int partition, InferenceResult result);

    /** Sends a task's claim to its own partition; must not block for long. */
    void claim(int partition);
}
