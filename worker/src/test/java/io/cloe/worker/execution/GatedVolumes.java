package io.cloe.worker.execution;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.VolumeReference;
import io.cloe.worker.volume.Grid;
import io.cloe.worker.volume.LoadedVolume;
import io.cloe.worker.volume.VolumeException;
import io.cloe.worker.volume.VolumeSource;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;

/** Lets a test hold every load until it opens the gate, and tells what was loaded in which order. */
final class GatedVolumes implements VolumeSource {

    final List<String> loaded = new CopyOnWriteArrayList<>();
    final BlockingQueue<String> arrived = new LinkedBlockingQueue<>();
    private final CountDownLatch gate = new CountDownLatch(1);
    private VolumeSource inner;

    VolumeSource around(VolumeSource source) {
        inner = source;
        return this;
    }

    void open() {
        gate.countDown();
    }

    @Override
    public LoadedVolume load(VolumeReference reference) throws VolumeException {
        loaded.add(reference.getUri());
        arrived.add(reference.getUri());
        try {
            gate.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            // As a read that close() interrupts.
            throw VolumeException.retriable(FailureReason.VOLUME_IO, "reading failed: ClosedByInterruptException");
        }
        return inner.load(reference);
    }

    /** Tells what is loaded. */
    record Listening(VolumeSource real, Consumer<String> loaded) implements VolumeSource {

        @Override
        public LoadedVolume load(VolumeReference reference) throws VolumeException {
            loaded.accept(reference.getUri());
            return real.load(reference);
        }

        @Override
        public Optional<Grid> grid(VolumeReference reference) throws VolumeException {
            return real.grid(reference);
        }
    }
}
