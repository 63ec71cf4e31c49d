package io.cloe.worker.inference;

import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession.RunOptions;

/** Run options of one inference that any thread may ask to stop. Stopping after the end has no effect instead of touching freed memory. */
final class RunHandle implements AutoCloseable {

    private final RunOptions options;
    private boolean closed;

    RunHandle() throws OrtException {
        options = new RunOptions();
    }

    /** For the thread that runs and closes. */
    RunOptions options() {
        return options;
    }

    /**
     * Makes every later run with these options hand the session's free activation memory back when it ends: a session keeps ten times its
     * weights otherwise, and there is one session per subset.
     *
     * @param arena ONNX Runtime's name of the memory, such as {@code cpu:0}
     */
    void releaseMemoryAfterwards(String arena) throws OrtException {
        options.addRunConfigEntry("memory.enable_memory_arena_shrinkage", arena);
    }

    /** Makes the current run, and every later one with these options, fail at its next node. */
    synchronized void terminate() {
        if (closed) {
            return;
        }
        try {
            options.setTerminate(true);
        } catch (OrtException e) {
            throw new IllegalStateException("ONNX Runtime refused to stop a run", e);
        }
    }

    @Override
    public synchronized void close() {
        closed = true;
        options.close();
    }
}
