package io.cloe.worker.inference;

/**
 * The caller's hold on one call of {@link InferenceEngine#infer}.
 *
 * <p>{@link #cancel} may be called by any thread, before or while the inference runs; the run in progress stops at its next node. The
 * hook is called on the inference thread before every window. It may block, cancel, or run a more urgent crop on the same engine: between
 * windows the engine holds nothing of this study but its own sums.
 */
public final class InferenceControl {

    private final Runnable beforeEachWindow;
    private String cancelReason;
    private RunHandle running;

    /** Without a hook. */
    public InferenceControl() {
        this(() -> {});
    }

    /**
     * @param beforeEachWindow called on the inference thread before every window; what it throws ends the inference and reaches the caller
     */
    public InferenceControl(Runnable beforeEachWindow) {
        this.beforeEachWindow = beforeEachWindow;
    }

    /**
     * Stops the inference; the first reason wins.
     *
     * @param reason message of the {@link CancelledException}
     */
    public synchronized void cancel(String reason) {
        if (cancelReason == null) {
            cancelReason = reason;
        }
        if (running != null) {
            running.terminate();
        }
    }

    public synchronized boolean isCancelled() {
        return cancelReason != null;
    }

    synchronized void attach(RunHandle handle) {
        if (running != null) {
            throw new IllegalStateException("one InferenceControl controls one inference at a time");
        }
        running = handle;
        if (cancelReason != null) {
            handle.terminate();
        }
    }

    synchronized void detach() {
        running = null;
    }

    void beforeWindow() throws CancelledException {
        throwIfCancelled(null);
        beforeEachWindow.run();
        throwIfCancelled(null);
    }

    synchronized void throwIfCancelled(Throwable cause) throws CancelledException {
        if (cancelReason != null) {
            throw new CancelledException(cancelReason, cause);
        }
    }
}
