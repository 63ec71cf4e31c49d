package io.cloe.worker.cli;

import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import sun.misc.Signal;
import sun.misc.SignalHandler;

/**
 * Ends the process in order when it is told to: first what runs in it, then the virtual machine, with the signal's exit code.
 *
 * <p>Not a shutdown hook: hooks run side by side, and ONNX Runtime has one that frees what an inference in progress still uses. The
 * process would die of a segmentation fault.
 */
public final class StopSignal {

    private static final int SIGNAL_EXIT_CODE = 128;

    private static volatile boolean received;

    private StopSignal() {}

    /** Waits for the end of the process if a signal has come, so that the signal's exit code stands; else returns at once. */
    public static void awaitEndIfReceived() throws InterruptedException {
        if (received) {
            new CountDownLatch(1).await();
        }
    }

    /**
     * Ends the process with its command's exit code, or with the signal's if one has come: a command that is stopped under its hands
     * may end in any way.
     */
    public static void exit(int code) throws InterruptedException {
        awaitEndIfReceived();
        System.exit(code);
    }

    /**
     * Replaces what SIGTERM, SIGINT and SIGHUP do; a signal that the parent process made this one ignore stays ignored. A second signal
     * ends the process at once.
     *
     * @param stop called once, by a thread of its own
     */
    public static void onStop(Runnable stop) {
        AtomicBoolean stopping = new AtomicBoolean();
        SignalHandler handler = signal -> {
            int code = SIGNAL_EXIT_CODE + signal.getNumber();
            if (!stopping.compareAndSet(false, true)) {
                Runtime.getRuntime().halt(code);
            }
            received = true;
            try {
                stop.run();
            } finally {
                System.exit(code);
            }
        };
        handle(handler);
    }

    /** Until the next {@link #onStop}, signals end the process without any order: nothing needs one yet. */
    public static void endAtOnce() {
        handle(signal -> Runtime.getRuntime().halt(SIGNAL_EXIT_CODE + signal.getNumber()));
    }

    private static void handle(SignalHandler handler) {
        for (String name : List.of("TERM", "INT", "HUP")) {
            Signal signal = new Signal(name);
            if (Signal.handle(signal, handler) == SignalHandler.SIG_IGN) {
                Signal.handle(signal, SignalHandler.SIG_IGN);
            }
        }
    }
}
