package io.cloe.worker.inference;

import ai.onnxruntime.OrtException;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/** The run of a whole crop that does not end unless it is stopped to make way. */
public final class LongRun {

    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final long POLL_NANOS = 1_000_000;

    private LongRun() {}

    /**
     * Runs, as the engine would.
     *
     * @param meanwhile called once it can be stopped
     * @throws IllegalStateException if nobody stops it
     */
    public static void untilItMakesWay(InferenceControl control, Runnable meanwhile) {
        long end = System.nanoTime() + PATIENCE.toNanos();
        try (RunHandle handle = new RunHandle()) {
            control.attach(handle);
            control.beforeWindow();
            control.allowToMakeWay();
            meanwhile.run();
            while (!control.madeWay()) {
                if (System.nanoTime() > end) {
                    throw new IllegalStateException("nobody stopped the run");
                }
                LockSupport.parkNanos(POLL_NANOS);
            }
        } catch (OrtException | CancelledException e) {
            throw new IllegalStateException(e);
        } finally {
            control.detach();
        }
    }

    /** Begins one and leaves it as it is; whether the call in between stopped it. */
    public static boolean isStoppedBy(InferenceControl control, Runnable between) {
        try (RunHandle handle = new RunHandle()) {
            control.attach(handle);
            control.allowToMakeWay();
            between.run();
            return control.madeWay();
        } catch (OrtException e) {
            throw new IllegalStateException(e);
        } finally {
            control.detach();
        }
    }
}
