package io.cloe.worker.inference;

import ai.onnxruntime.OrtException;
import io.cloe.worker.bundle.GoldenWindow;
import io.cloe.worker.bundle.GraphUse;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.bundle.SubsetGraph;
import io.cloe.worker.bundle.WindowShape;
import io.cloe.worker.inference.CropSegmentation.Tiling;
import io.cloe.worker.inference.EngineException.Kind;
import io.cloe.worker.volume.NormalisedCrop;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
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
 * weights of every open session. On the heap, per inference, {@link #bytesNeeded}. Whole crops and smaller windows have input and output
 * buffers of their own, as long as their sessions are open.
 */
public final class InferenceEngine implements StudyEngine {

    /** A node of the graph ends within seconds; a device that does not end it in this time will not. */
    private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(20);

    private static final Logger LOG = LoggerFactory.getLogger(InferenceEngine.class);

    private final ModelBundle bundle;
    private final EngineSettings settings;
    private final ExecutionDevice device;
    private final ServableCrops crops;

    /** Guarded by the lock. */
    private final SubsetSessions sessions;

    private final ReentrantLock lock = new ReentrantLock();
    private final AtomicReference<Thread> owner = new AtomicReference<>();

    /** The run that {@link #close} must stop before it can get the lock. */
    private final AtomicReference<RunHandle> running = new AtomicReference<>();

    private volatile boolean closed;

    private InferenceEngine(ModelBundle bundle, EngineSettings settings, ExecutionDevice device) {
        this.bundle = bundle;
        this.settings = settings;
        this.device = device;
        this.crops = new ServableCrops(bundle, settings, device.isGpu());
        this.sessions = new SubsetSessions(bundle, device, settings);
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
            warnOfMissingGraphs(bundle, settings);
            InferenceEngine engine = new InferenceEngine(bundle, settings, device);
            warnOfTooLargeGraphs(
                    bundle, engine.crops.tooLarge(), settings.wholeCropBytes().orElse(0));
            return engine;
        } catch (OutOfMemoryError e) {
            throw new EngineException(Kind.OUT_OF_MEMORY, "no memory for the window's buffers", e);
        }
    }

    /** Models of one repository may differ in this, so that it is no reason not to serve. */
    private static void warnOfMissingGraphs(ModelBundle bundle, EngineSettings settings) {
        if (settings.pairConsistency() && !bundle.hasGraphsFor(GraphUse.CONSISTENCY)) {
            LOG.warn(
                    "model {} has no graphs for the consistency of two modalities: none is computed",
                    bundle.identity().id());
        }
    }

    private static void warnOfTooLargeGraphs(ModelBundle bundle, List<SubsetGraph> tooLarge, long allowed) {
        if (!tooLarge.isEmpty()) {
            long most =
                    tooLarge.stream().mapToLong(ServableCrops::bytesOf).max().orElseThrow();
            LOG.warn(
                    "model {}: {} graphs for whole crops take up to {} MiB outside the heap and {} MiB are allowed: windows are run"
                            + " in their place, with other masks",
                    bundle.identity().id(),
                    tooLarge.size(),
                    most >> 20,
                    allowed >> 20);
        }
    }

    @Override
    public String mode() {
        List<String> modes = new ArrayList<>();
        if (!crops.wholeCropMode().isEmpty()) {
            modes.add(crops.wholeCropMode());
        }
        if (settings.pairConsistency() && bundle.hasGraphsFor(GraphUse.CONSISTENCY)) {
            modes.add("pair-consistency");
        }
        return String.join(",", modes);
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
        return crops.bytesNeeded(depth, height, width);
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
            return inferLocked(crop, crops.require(crop), control);
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
            releaseMemoryAfterwards(handle);
            long nanos = runOnly(GoldenAnswer.crop(golden, bundle.window()), graph, handle);
            return GoldenAnswer.read(golden, bundle.window(), graph, sessions.buffers(graph), nanos);
        } finally {
            lock.unlock();
        }
    }

    /** Runs one window as it is; for any thread, one at a time. */
    WindowAnswer window(NormalisedCrop window) throws EngineException {
        lock.lock();
        try (RunHandle handle = newHandle()) {
            requireOpen();
            SubsetGraph graph = crops.require(window);
            releaseMemoryAfterwards(handle);
            long nanos = runOnly(window, graph, handle);
            WindowBuffers memory = sessions.buffers(graph);
            return new WindowAnswer(memory.allProbabilities(), memory.allScores(graph), nanos);
        } finally {
            lock.unlock();
        }
    }

    /** Opens every graph's session, and with it checks its interface. */
    void openEverySession() throws EngineException {
        lock.lock();
        try {
            requireOpen();
            for (SubsetGraph graph : bundle.graphs()) {
                sessions.session(graph);
            }
            for (SubsetGraph graph : bundle.extraGraphs()) {
                sessions.session(graph);
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
                runOnly(
                        new NormalisedCrop(
                                graph.modalities(),
                                window.depth(),
                                window.height(),
                                window.width(),
                                zeros,
                                new BitSet()),
                        graph,
                        handle);
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void closeSessionsIdleFor(Duration idle) throws EngineException {
        lock.lock();
        try {
            sessions.closeIdleFor(idle);
        } finally {
            lock.unlock();
        }
    }

    /** Subsets whose session is open. */
    int openSessions() {
        lock.lock();
        try {
            return sessions.open();
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
            sessions.closeAll();
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

    /** The whole crop if that is wanted, possible and fits; else windows; else smaller windows. */
    private CropSegmentation inferLocked(NormalisedCrop crop, SubsetGraph graph, InferenceControl control)
            throws EngineException {
        // Graphs for whole crops compute no consistency of two modalities.
        Optional<SubsetGraph> whole =
                graph.use() == GraphUse.CONSISTENCY ? Optional.empty() : crops.wholeCropGraph(crop);
        boolean wantsRoom = graph.use() != GraphUse.CONSISTENCY && crops.lacksRoomForWhole(crop);
        if (whole.isPresent()) {
            try {
                return inferWhole(crop, whole.get(), control);
            } catch (EngineException e) {
                goOnAfter(e, "windows are run instead of the whole crop");
                wantsRoom = !whole.get().window().equals(bundle.window());
            }
        }
        Tiling usual = wantsRoom ? Tiling.WINDOWS_FOR_WANT_OF_ROOM : Tiling.WINDOWS;
        Optional<SubsetGraph> smaller = crops.smallWindowGraph(graph.modalities());
        if (smaller.isEmpty()) {
            return inferWindows(crop, graph, control, usual);
        }
        try {
            return inferWindows(crop, graph, control, usual);
        } catch (EngineException e) {
            goOnAfter(e, "smaller windows are run");
            return inferWindows(crop, smaller.get(), control, Tiling.SMALL_WINDOWS);
        }
    }

    /** Throws the failure unless it is the device's memory that was too small; then everything on the device is freed. */
    private void goOnAfter(EngineException failure, String how) throws EngineException {
        if (failure.kind() != Kind.OUT_OF_MEMORY) {
            throw failure;
        }
        LOG.warn("device {} has no memory left; {}", deviceName(), how);
        sessions.closeAll();
    }

    private CropSegmentation inferWhole(NormalisedCrop crop, SubsetGraph graph, InferenceControl control)
            throws EngineException {
        CropAnswer answer = newAnswer(crop, graph);
        if (!runWhole(crop, graph, answer, control, true)) {
            runWhole(crop, graph, answer, control, false);
        }
        return answer.segmentation(graph.window().equals(bundle.window()) ? Tiling.WINDOWS : Tiling.WHOLE_CROP);
    }

    /** False if the run was stopped to make way for something more urgent, which the hook then runs before the next one. */
    private boolean runWhole(
            NormalisedCrop crop, SubsetGraph graph, CropAnswer answer, InferenceControl control, boolean mayMakeWay)
            throws EngineException {
        WindowBuffers memory = sessions.buffers(graph);
        try (RunHandle handle = newHandle()) {
            control.attach(handle);
            try {
                control.beforeWindow();
                memory.loadPadded(crop);
                if (device.isGpu()) {
                    // On a CPU these sessions have no arena that could keep any.
                    releaseMemoryAfterwards(handle);
                }
                requireOpen();
                if (mayMakeWay) {
                    control.allowToMakeWay();
                }
                long nanos = runWindow(sessions.session(graph), handle, control);
                answer.add(memory, 0, 0, 0, nanos);
                control.throwIfCancelled(null);
                return true;
            } catch (EngineException e) {
                if (e.kind() == Kind.ENGINE_ERROR && control.madeWay()) {
                    return false;
                }
                throw e;
            } finally {
                control.detach();
            }
        }
    }

    private CropSegmentation inferWindows(
            NormalisedCrop crop, SubsetGraph graph, InferenceControl control, Tiling tiling) throws EngineException {
        WindowBuffers memory = sessions.buffers(graph);
        CropAnswer answer = newAnswer(crop, graph);
        WindowPlan plan = WindowPlan.of(graph.window(), bundle.overlap(), crop.depth(), crop.height(), crop.width());
        int windowsLeft = plan.windows();
        try (RunHandle handle = newHandle()) {
            control.attach(handle);
            try {
                for (int z : plan.depthStarts()) {
                    for (int y : plan.heightStarts()) {
                        for (int x : plan.widthStarts()) {
                            control.beforeWindow();
                            memory.load(crop, z, y, x);
                            if (--windowsLeft == 0) {
                                releaseMemoryAfterwards(handle);
                            }
                            long nanos = runWindowInWhatMemoryThereIs(graph, handle, control);
                            answer.add(memory, z, y, x, nanos);
                        }
                    }
                }
                control.throwIfCancelled(null);
            } finally {
                control.detach();
            }
        }
        return answer.segmentation(tiling);
    }

    private CropAnswer newAnswer(NormalisedCrop crop, SubsetGraph graph) throws EngineException {
        try {
            return new CropAnswer(crop, graph, bundle.classes().size());
        } catch (OutOfMemoryError e) {
            throw new EngineException(
                    Kind.OUT_OF_MEMORY, "no heap for the " + bytesNeeded(crop) + " bytes that this study needs", e);
        }
    }

    /**
     * Runs a window; when the device has no memory left, once more with nothing else of this engine on it.
     */
    private long runWindowInWhatMemoryThereIs(SubsetGraph graph, RunHandle handle, InferenceControl control)
            throws EngineException {
        try {
            // Looked up for every window: the hook may have run another study, or closed the engine.
            requireOpen();
            return runWindow(sessions.session(graph), handle, control);
        } catch (EngineException e) {
            goOnAfter(e, "once more without the sessions of other subsets");
            return runWindow(sessions.session(graph), handle, control);
        }
    }

    /** Runs one window that is no part of a study; its answer lies in the graph's buffers. Nanoseconds inside ONNX Runtime. */
    private long runOnly(NormalisedCrop window, SubsetGraph graph, RunHandle handle) throws EngineException {
        sessions.buffers(graph).load(window, 0, 0, 0);
        return runWindow(sessions.session(graph), handle, null);
    }

    /** Nanoseconds inside ONNX Runtime. */
    private long runWindow(SubsetSession session, RunHandle handle, InferenceControl control) throws EngineException {
        sessions.buffers(session.graph()).spoil();
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
}
