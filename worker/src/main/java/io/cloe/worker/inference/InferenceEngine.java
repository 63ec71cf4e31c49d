package io.cloe.worker.inference;

import ai.onnxruntime.OrtException;
import io.cloe.worker.bundle.Gate;
import io.cloe.worker.bundle.GoldenWindow;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.bundle.SubsetGraph;
import io.cloe.worker.bundle.WindowShape;
import io.cloe.worker.inference.EngineException.Kind;
import io.cloe.worker.volume.NormalisedCrop;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One bundle on one device.
 *
 * <p><b>Threads.</b> {@link #infer} belongs to one thread: the first that calls it owns the engine until that thread ends, any other gets
 * {@code WRONG_THREAD}. GPU memory grows when threads take turns. {@link #close}, {@link InferenceControl#cancel} and the questions
 * ({@link #bundle}, {@link #device}, {@link #bytesNeeded}) are for any thread.
 *
 * <p><b>Memory.</b> Off the heap, one window of input and one of probabilities for all sessions together:
 * {@code 4 * (modalities + classes) * window voxels} bytes; inside ONNX Runtime, the activations of the study that runs and the
 * weights of every open session. On the heap, per
 * inference, {@link #bytesNeeded}.
 */
public final class InferenceEngine implements StudyEngine {

    /** A node of the graph ends within seconds; a device that does not end it in this time will not. */
    private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(20);

    private static final Logger LOG = LoggerFactory.getLogger(InferenceEngine.class);

    private final ModelBundle bundle;
    private final EngineSettings settings;
    private final ExecutionDevice device;
    private final WindowBuffers buffers;
    private final ReentrantLock lock = new ReentrantLock();
    private final AtomicReference<Thread> owner = new AtomicReference<>();

    /** Guarded by the lock; least recently used first. */
    private final Map<SubsetGraph, SubsetSession> sessions = new LinkedHashMap<>(16, 0.75f, true);

    /** The run that {@link #close} must stop before it can get the lock. */
    private final AtomicReference<RunHandle> running = new AtomicReference<>();

    private volatile boolean closed;

    private InferenceEngine(ModelBundle bundle, EngineSettings settings, ExecutionDevice device) {
        this.bundle = bundle;
        this.settings = settings;
        this.device = device;
        this.buffers = new WindowBuffers(bundle);
    }

    /**
     * Opens an engine without running anything; sessions open when first needed. To serve, use {@link BundleVerifier#openVerified}.
     *
     * @throws EngineException of kind {@code DEVICE_UNAVAILABLE} if a CUDA device was asked for by name and cannot be used;
     *     {@code OUT_OF_MEMORY} if the window's buffers do not fit
     */
    public static InferenceEngine open(ModelBundle bundle, EngineSettings settings) throws EngineException {
        return open(bundle, settings, ExecutionDevice.select(settings.device()));
    }

    static InferenceEngine open(ModelBundle bundle, EngineSettings settings, ExecutionDevice device)
            throws EngineException {
        try {
            return new InferenceEngine(bundle, settings, device);
        } catch (OutOfMemoryError e) {
            throw new EngineException(Kind.OUT_OF_MEMORY, "no memory for the window's buffers", e);
        }
    }

    @Override
    public ModelBundle bundle() {
        return bundle;
    }

    @Override
    public String deviceName() {
        return device.running().toString();
    }

    /** What was asked for and what runs. */
    public ExecutionDevice device() {
        return device;
    }

    /**
     * Bytes of Java heap that {@link #infer} allocates for this crop: a class per voxel, and unless the crop is exactly one window, the
     * sums of one window-deep slab. The crop itself is the caller's and not counted.
     */
    public long bytesNeeded(NormalisedCrop crop) {
        return bytesNeeded(crop.depth(), crop.height(), crop.width());
    }

    /** As {@link #bytesNeeded(NormalisedCrop)}, before the crop is made. */
    @Override
    public long bytesNeeded(int depth, int height, int width) {
        long labels = (long) depth * height * width;
        if (isOneWindow(depth, height, width)) {
            return labels;
        }
        long slab = (long) height * width * bundle.window().depth();
        return labels + Float.BYTES * slab * bundle.classes().size();
    }

    /**
     * Segments a crop.
     *
     * @param crop channels of any non-empty subset of the bundle's modalities in bundle order, no side shorter than the window; not
     *     modified, and not to be modified meanwhile
     * @param control cancels the inference and is called between windows
     * @throws CancelledException if the control was cancelled before the last window ended
     * @throws EngineException for every other reason not to have a result; the engine stays usable unless it is closed
     */
    @Override
    public CropSegmentation infer(NormalisedCrop crop, InferenceControl control) throws EngineException {
        requireOwner();
        lock.lock();
        try {
            requireOpen();
            SubsetGraph graph = requireServable(crop);
            return inferLocked(crop, graph, control);
        } finally {
            lock.unlock();
        }
    }

    /** The golden window's numbers, in the order of its samples. */
    GoldenAnswer golden() throws EngineException {
        lock.lock();
        try (RunHandle handle = newHandle()) {
            requireOpen();
            GoldenWindow golden = bundle.golden();
            SubsetGraph graph = bundle.graph(golden.modalities()).orElseThrow();
            SubsetSession session = session(graph);
            buffers.load(goldenCrop(golden), 0, 0, 0);
            releaseMemoryAfterwards(handle);
            long nanos = runWindow(session, handle, null);
            return GoldenAnswer.read(golden, bundle.window(), graph, buffers, nanos);
        } finally {
            lock.unlock();
        }
    }

    /** What the network says of one window. */
    record WindowAnswer(float[] probabilities, float[] scores, long nanos) {

        /** Largest difference of a probability. */
        double farthest(WindowAnswer other) {
            return farthest(probabilities, other.probabilities);
        }

        /** Largest difference of a weight or a consistency. */
        double farthestScore(WindowAnswer other) {
            return farthest(scores, other.scores);
        }

        private static double farthest(float[] ours, float[] theirs) {
            double most = 0;
            for (int i = 0; i < ours.length; i++) {
                double apart = Math.abs((double) ours[i] - theirs[i]);
                most = apart <= most ? most : apart; // also takes what is not a number
            }
            return most;
        }

        /** Part of the voxels with the same most probable class. */
        double equalLabels(WindowAnswer other, int classes) {
            int voxels = probabilities.length / classes;
            int equal = 0;
            for (int voxel = 0; voxel < voxels; voxel++) {
                equal += label(probabilities, voxel, voxels) == label(other.probabilities, voxel, voxels) ? 1 : 0;
            }
            return (double) equal / voxels;
        }

        private static int label(float[] probabilities, int voxel, int voxels) {
            int best = 0;
            for (int at = voxel; at < probabilities.length; at += voxels) {
                best = probabilities[at] > probabilities[best * voxels + voxel] ? at / voxels : best;
            }
            return best;
        }
    }

    /** Runs one window as it is; for any thread, one at a time. */
    WindowAnswer window(NormalisedCrop window) throws EngineException {
        lock.lock();
        try (RunHandle handle = newHandle()) {
            requireOpen();
            SubsetGraph graph = requireServable(window);
            buffers.load(window, 0, 0, 0);
            releaseMemoryAfterwards(handle);
            long nanos = runWindow(session(graph), handle, null);
            return new WindowAnswer(buffers.allProbabilities(), buffers.allScores(graph), nanos);
        } finally {
            lock.unlock();
        }
    }

    /** Opens every subset's session, and with it checks every graph's interface. */
    void openEverySession() throws EngineException {
        lock.lock();
        try {
            requireOpen();
            for (SubsetGraph graph : bundle.graphs()) {
                session(graph);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Opens every subset's session and runs a window of zeros through it, so that no study waits for that. Before the first study. */
    public void warmUp() throws EngineException {
        lock.lock();
        try (RunHandle handle = newHandle()) {
            requireOpen();
            releaseMemoryAfterwards(handle);
            WindowShape window = bundle.window();
            for (SubsetGraph graph : bundle.graphs()) {
                float[][] zeros = new float[graph.modalities().size()][window.voxels()];
                buffers.load(
                        new NormalisedCrop(
                                graph.modalities(),
                                window.depth(),
                                window.height(),
                                window.width(),
                                zeros,
                                new BitSet()),
                        0,
                        0,
                        0);
                runWindow(session(graph), handle, null);
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void closeSessionsIdleFor(Duration idle) throws EngineException {
        lock.lock();
        try {
            long now = System.nanoTime();
            closeSessions(session -> now - session.usedAt() >= idle.toNanos());
        } finally {
            lock.unlock();
        }
    }

    /** Subsets whose session is open. */
    int openSessions() {
        lock.lock();
        try {
            return sessions.size();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Stops the inference in progress, which then ends as {@code CLOSED}, and frees everything. Waits for the node being computed. Does
     * nothing the second time.
     *
     * @throws EngineException of kind {@code DEVICE_STUCK} if the device does not end that node; its memory then stays taken until the
     *     process ends, for freeing what a run still uses would crash it
     */
    @Override
    public void close() throws EngineException {
        closed = true;
        RunHandle current = running.get();
        if (current != null) {
            current.terminate();
        }
        requireLockForClosing();
        try {
            closeSessions(session -> true);
        } finally {
            lock.unlock();
        }
    }

    private void requireLockForClosing() throws EngineException {
        try {
            if (lock.tryLock(CLOSE_PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
                return;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        throw new EngineException(Kind.DEVICE_STUCK, "the device does not end its run; its memory stays taken");
    }

    private void closeSessions(Predicate<SubsetSession> which) throws EngineException {
        EngineException failure = null;
        for (Iterator<SubsetSession> each = sessions.values().iterator(); each.hasNext(); ) {
            SubsetSession session = each.next();
            if (which.test(session)) {
                each.remove();
                try {
                    session.close();
                } catch (EngineException e) {
                    failure = e;
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
    }

    private CropSegmentation inferLocked(NormalisedCrop crop, SubsetGraph graph, InferenceControl control)
            throws EngineException {
        int classes = bundle.classes().size();
        int modalities = graph.modalities().size();
        boolean gateActs = graph.gate() == Gate.COMPUTED;
        boolean oneWindow = isOneWindow(crop.depth(), crop.height(), crop.width());
        byte[] labels;
        SlabBlender blender;
        try {
            labels = new byte[crop.voxels()];
            blender = oneWindow ? null : new SlabBlender(crop, bundle.window(), classes, labels);
        } catch (OutOfMemoryError e) {
            throw new EngineException(
                    Kind.OUT_OF_MEMORY, "no heap for the " + bytesNeeded(crop) + " bytes that this study needs", e);
        }
        GateScores scores = new GateScores(modalities);
        float[] row = new float[bundle.window().width()];
        WindowPlan plan = plan(crop);
        int windowsLeft = plan.windows();
        long nanos = 0;
        try (RunHandle handle = newHandle()) {
            control.attach(handle);
            try {
                for (int z : plan.depthStarts()) {
                    for (int y : plan.heightStarts()) {
                        for (int x : plan.widthStarts()) {
                            control.beforeWindow();
                            buffers.load(crop, z, y, x);
                            if (--windowsLeft == 0) {
                                releaseMemoryAfterwards(handle);
                            }
                            nanos += runWindowInWhatMemoryThereIs(graph, handle, control);
                            double foreground = requireNumber(buffers.foregroundMass(row));
                            if (gateActs) {
                                scores.add(
                                        foreground,
                                        buffers.weights(modalities),
                                        buffers.globalConsistency(modalities),
                                        buffers.regionalConsistency(modalities));
                            }
                            if (oneWindow) {
                                SlabBlender.labelSingleWindow(buffers.probabilities(), classes, crop, labels);
                            } else {
                                blender.add(buffers.probabilities(), z, y, x);
                            }
                        }
                    }
                }
                control.throwIfCancelled(null);
            } finally {
                control.detach();
            }
        }
        if (!oneWindow) {
            blender.finish();
        }
        List<ModalityTrust> trust =
                switch (graph.gate()) {
                    case COMPUTED -> scores.summary(graph.modalities());
                    case FIXED -> GateScores.fixed(graph.modalities());
                    case NONE -> List.of();
                };
        return new CropSegmentation(labels, trust, gateActs, plan.windows(), nanos);
    }

    /**
     * Runs a window; when the device has no memory left, once more with nothing else of this engine on it. The graph is made for one size
     * of window, so a smaller one is no way out.
     */
    private long runWindowInWhatMemoryThereIs(SubsetGraph graph, RunHandle handle, InferenceControl control)
            throws EngineException {
        try {
            // Looked up for every window: the hook may have run another study, or closed the engine.
            requireOpen();
            return runWindow(session(graph), handle, control);
        } catch (EngineException e) {
            if (e.kind() != Kind.OUT_OF_MEMORY) {
                throw e;
            }
            LOG.warn("device {} has no memory left; other subsets' sessions are closed", deviceName());
            closeSessions(session -> true);
            return runWindow(session(graph), handle, control);
        }
    }

    /** Nanoseconds inside ONNX Runtime. */
    private long runWindow(SubsetSession session, RunHandle handle, InferenceControl control) throws EngineException {
        buffers.spoil();
        running.set(handle);
        try {
            // Closing may have looked for a run just before this one showed itself.
            requireOpen();
            long start = System.nanoTime();
            session.run(handle);
            return System.nanoTime() - start;
        } catch (OrtException e) {
            if (control != null) {
                control.throwIfCancelled(e);
            }
            requireOpen();
            throw OrtFailure.of("running " + session.graph().file(), e);
        } finally {
            running.set(null);
        }
    }

    private SubsetSession session(SubsetGraph graph) throws EngineException {
        SubsetSession open = sessions.get(graph);
        if (open != null) {
            return open;
        }
        for (Iterator<SubsetSession> oldest = sessions.values().iterator();
                sessions.size() >= settings.openSessions() && oldest.hasNext(); ) {
            SubsetSession evicted = oldest.next();
            oldest.remove();
            evicted.close();
        }
        open = SubsetSession.open(bundle, graph, buffers, device, settings);
        sessions.put(graph, open);
        return open;
    }

    private static RunHandle newHandle() throws EngineException {
        try {
            return new RunHandle();
        } catch (OrtException e) {
            throw OrtFailure.of("preparing a run", e);
        }
    }

    private void releaseMemoryAfterwards(RunHandle handle) throws EngineException {
        try {
            handle.releaseMemoryAfterwards(device.arena());
        } catch (OrtException e) {
            throw OrtFailure.of("preparing a run", e);
        }
    }

    private void requireOwner() throws EngineException {
        Thread current = Thread.currentThread();
        Thread holder = owner.get();
        if (holder == current) {
            return;
        }
        // An executor may replace a thread that died; it then hands the engine on.
        boolean free = holder == null || !holder.isAlive();
        if (!free || !owner.compareAndSet(holder, current)) {
            throw new EngineException(
                    Kind.WRONG_THREAD,
                    "the engine belongs to the thread that used it first; hand the study to that thread");
        }
    }

    private void requireOpen() throws EngineException {
        if (closed) {
            throw new EngineException(Kind.CLOSED, "the engine is closed");
        }
    }

    private SubsetGraph requireServable(NormalisedCrop crop) throws EngineException {
        Optional<SubsetGraph> graph =
                new HashSet<>(crop.modalities()).size() == crop.modalities().size()
                        ? bundle.graph(crop.modalities())
                        : Optional.empty();
        if (graph.isEmpty() || !graph.get().modalities().equals(crop.modalities())) {
            throw invalid("modalities " + crop.modalities() + ", must be a non-empty subset of " + bundle.modalities()
                    + " in this order");
        }
        if (crop.depth() < bundle.window().depth()
                || crop.height() < bundle.window().height()
                || crop.width() < bundle.window().width()) {
            throw invalid("a crop of " + size(crop) + " voxels, must not be shorter than " + bundle.window());
        }
        long needed = bytesNeeded(crop);
        long voxels = (long) crop.depth() * crop.height();
        if (voxels > Integer.MAX_VALUE || voxels * crop.width() > Integer.MAX_VALUE - 8) {
            throw new EngineException(Kind.STUDY_TOO_LARGE, "a crop of " + size(crop) + " voxels exceeds any array");
        }
        if (needed > settings.studyMemoryBytes()) {
            throw new EngineException(
                    Kind.STUDY_TOO_LARGE,
                    "a crop of " + size(crop) + " voxels needs " + needed + " bytes, allowed are "
                            + settings.studyMemoryBytes());
        }
        if (crop.channels().length != crop.modalities().size()) {
            throw invalid(crop.channels().length + " channels for the modalities " + crop.modalities());
        }
        for (float[] channel : crop.channels()) {
            if (channel.length != crop.voxels()) {
                throw invalid("a channel of " + channel.length + " voxels in a crop of " + crop.voxels());
            }
        }
        if (crop.brain().length() > crop.voxels()) {
            throw invalid("a brain mask of " + crop.brain().length() + " voxels in a crop of " + crop.voxels());
        }
        return graph.get();
    }

    private static double requireNumber(double foreground) throws EngineException {
        if (!Double.isFinite(foreground)) {
            throw new EngineException(Kind.ENGINE_ERROR, "the network answered probabilities that are not numbers");
        }
        return foreground;
    }

    private static EngineException invalid(String what) {
        return new EngineException(Kind.INVALID_INPUT, "input: " + what);
    }

    private static String size(NormalisedCrop crop) {
        return crop.depth() + " x " + crop.height() + " x " + crop.width();
    }

    private boolean isOneWindow(int depth, int height, int width) {
        return depth == bundle.window().depth()
                && height == bundle.window().height()
                && width == bundle.window().width();
    }

    private WindowPlan plan(NormalisedCrop crop) {
        return WindowPlan.of(bundle.window(), bundle.overlap(), crop.depth(), crop.height(), crop.width());
    }

    private NormalisedCrop goldenCrop(GoldenWindow golden) {
        int depth = bundle.window().depth();
        int height = bundle.window().height();
        int width = bundle.window().width();
        List<float[]> channels = new ArrayList<>();
        for (int c = 0; c < golden.modalities().size(); c++) {
            float[] channel = new float[bundle.window().voxels()];
            int voxel = 0;
            for (int z = 0; z < depth; z++) {
                for (int y = 0; y < height; y++) {
                    for (int x = 0; x < width; x++) {
                        channel[voxel++] = GoldenWindow.input(c, z, y, x);
                    }
                }
            }
            channels.add(channel);
        }
        return new NormalisedCrop(
                golden.modalities(), depth, height, width, channels.toArray(float[][]::new), new BitSet());
    }
}
