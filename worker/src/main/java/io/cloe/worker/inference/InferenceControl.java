package io.cloe.worker.inference;

/**
 * The caller's hold on one call of {@link InferenceEngine#infer}.
 *
 * <p>{@link #cancel} may be called by any thread, before or while the inference runs; the run in progress stops at its next node. The
 * hook is called on the inference thread before every window. It may block, cancel, or run a more urgent crop on the same engine: between
 * windows the engine holds nothing of this study but its own sums. A crop that is segmented at once has one window only; {@link #makeWay}
 * is for that.
 */
public final class InferenceControl {

    private final Runnable beforeEachWindow;
    private String cancelReason;
    private RunHandle running;
    private boolean urgent;
    private boolean mayMakeWay;

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

    /**
     * Says that something more urgent waits. A run that segments a whole crop is stopped for it: the hook is called, and the run begun
     * again, once per inference and no more, so that it comes to its end. What is segmented by windows goes on to the next one.
     *
     * @return whether a run was stopped by this call
     */
    public synchronized boolean makeWay() {
        boolean stops = mayMakeWay && !urgent;
        urgent = true;
        if (stops) {
            running.terminate();
        }
        return stops;
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
        mayMakeWay = false;
    }

    void beforeWindow() throws CancelledException {
        throwIfCancelled(null);
        // What waits now is the hook's to see; what comes later is not.
        setUrgent(false);
        beforeEachWindow.run();
        throwIfCancelled(null);
    }

    private synchronized void setUrgent(boolean now) {
        urgent = now;
    }

    /** From here to {@link #detach} the attached run may be stopped to make way. */
    synchronized void allowToMakeWay() {
        mayMakeWay = true;
        if (urgent) {
            running.terminate();
        }
    }

    /** Whether the attached run was stopped to make way. */
    synchronized boolean madeWay() {
        return mayMakeWay && urgent && cancelReason == null;
    }

    synchronized void throwIfCancelled(Throwable cause) throws CancelledException {
        if (cancelReason != null) {
            throw new CancelledException(cancelReason, cause);
        }
    }
}
