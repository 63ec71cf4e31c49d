package io.cloe.worker.inference;

import ai.onnxruntime.OrtException;
import io.cloe.worker.bundle.Gate;
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
import java.util.HashMap;
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
 * inference, {@link #bytesNeeded}. Whole crops and smaller windows have input and output buffers of their own, as long as their
 * sessions are open.
 */
public final class InferenceEngine implements StudyEngine {

    /** A node of the graph ends within seconds; a device that does not end it in this time will not. */
    private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(20);

    private static final Logger LOG = LoggerFactory.getLogger(InferenceEngine.class);

    private final ModelBundle bundle;
    private final EngineSettings settings;
    private final ExecutionDevice device;

    /** For the graphs of the bundle's window; the memory that it takes is known when the engine opens. */
    private final WindowBuffers buffers;

    /** Guarded by the lock; for graphs of other shapes, until all their sessions were closed for being idle. */
    private final Map<WindowBuffers.Shape, WindowBuffers> otherBuffers = new HashMap<>();

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
        this.buffers = WindowBuffers.ofWindow(bundle);
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
            return new InferenceEngine(bundle, settings, device);
        } catch (OutOfMemoryError e) {
            throw new EngineException(Kind.OUT_OF_MEMORY, "no memory for the window's buffers", e);
        }
    }

    /** Models of one repository may differ in this, so that it is no reason not to serve. */
    private static void warnOfMissingGraphs(ModelBundle bundle, EngineSettings settings) {
        if (settings.wholeCrop() && !bundle.hasGraphsFor(GraphUse.WHOLE_CROP)) {
            LOG.warn(
                    "model {} has no graphs for whole crops: windows are run",
                    bundle.identity().id());
        }
        if (settings.pairConsistency() && !bundle.hasGraphsFor(GraphUse.CONSISTENCY)) {
            LOG.warn(
                    "model {} has no graphs for the consistency of two modalities: none is computed",
                    bundle.identity().id());
        }
    }

    @Override
    public String mode() {
        List<String> modes = new ArrayList<>();
        if (settings.wholeCrop() && bundle.hasGraphsFor(GraphUse.WHOLE_CROP)) {
            modes.add("whole-crop");
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
        long labels = (long) depth * height * width;
        if (isOneWindow(bundle.window(), depth, height, width)) {
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

    /** Opens every graph's session, and with it checks its interface. */
    void openEverySession() throws EngineException {
        lock.lock();
        try {
            requireOpen();
            for (SubsetGraph graph : bundle.graphs()) {
                session(graph);
            }
            for (SubsetGraph graph : bundle.extraGraphs()) {
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
            // Between studies only: an inference that goes on after its sessions were closed goes on with its buffers.
            otherBuffers.keySet().removeIf(shape -> sessions.keySet().stream()
                    .noneMatch(graph -> WindowBuffers.Shape.of(graph).equals(shape)));
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

    /** The whole crop if that is wanted, possible and fits; else windows; else smaller windows. */
    private CropSegmentation inferLocked(NormalisedCrop crop, SubsetGraph graph, InferenceControl control)
            throws EngineException {
        // Graphs for whole crops compute no consistency of two modalities.
        Optional<SubsetGraph> whole = graph.use() == GraphUse.CONSISTENCY ? Optional.empty() : wholeCropGraph(crop);
        if (whole.isPresent()) {
            try {
                return inferWhole(crop, whole.get(), control);
            } catch (EngineException e) {
                goOnAfter(e, "windows are run instead of the whole crop");
            }
        }
        List<SubsetGraph> smaller = bundle.extraGraphs(GraphUse.SMALL_WINDOW, graph.modalities());
        if (smaller.isEmpty()) {
            return inferWindows(crop, graph, control, Tiling.WINDOWS);
        }
        try {
            return inferWindows(crop, graph, control, Tiling.WINDOWS);
        } catch (EngineException e) {
            goOnAfter(e, "smaller windows are run");
            return inferWindows(crop, smaller.get(smaller.size() - 1), control, Tiling.SMALL_WINDOWS);
        }
    }

    /** Throws the failure unless it is the device's memory that was too small; then everything on the device is freed. */
    private void goOnAfter(EngineException failure, String how) throws EngineException {
        if (failure.kind() != Kind.OUT_OF_MEMORY) {
            throw failure;
        }
        LOG.warn("device {} has no memory left; {}", deviceName(), how);
        closeSessions(session -> true);
    }

    /** A crop of exactly one window is segmented at once even unasked: the answer is the same, and less is copied. */
    private Optional<SubsetGraph> wholeCropGraph(NormalisedCrop crop) {
        boolean exact = isOneWindow(bundle.window(), crop.depth(), crop.height(), crop.width());
        return bundle.extraGraphs(GraphUse.WHOLE_CROP, crop.modalities()).stream()
                .filter(graph -> exact
                        ? graph.window().equals(bundle.window())
                        : settings.wholeCrop() && graph.holds(crop.depth(), crop.height(), crop.width()))
                .findFirst();
    }

    private CropSegmentation inferWhole(NormalisedCrop crop, SubsetGraph graph, InferenceControl control)
            throws EngineException {
        byte[] labels = newLabels(crop);
        GateScores scores = new GateScores(graph.modalities().size());
        WindowBuffers memory = buffersOf(graph);
        long nanos;
        try (RunHandle handle = newHandle()) {
            control.attach(handle);
            try {
                control.beforeWindow();
                memory.loadPadded(crop);
                releaseMemoryAfterwards(handle);
                requireOpen();
                nanos = runWindow(session(graph), handle, control);
                collect(graph, memory, memory.foreground().get(0), scores);
                memory.copyLabels(crop, labels);
                control.throwIfCancelled(null);
            } finally {
                control.detach();
            }
        }
        Tiling tiling = graph.window().equals(bundle.window()) ? Tiling.WINDOWS : Tiling.WHOLE_CROP;
        return segmentation(labels, graph, scores, tiling, 1, nanos);
    }

    private CropSegmentation inferWindows(
            NormalisedCrop crop, SubsetGraph graph, InferenceControl control, Tiling tiling) throws EngineException {
        int classes = bundle.classes().size();
        WindowShape window = graph.window();
        WindowBuffers memory = buffersOf(graph);
        boolean oneWindow = isOneWindow(window, crop.depth(), crop.height(), crop.width());
        byte[] labels = newLabels(crop);
        SlabBlender blender = oneWindow ? null : newBlender(crop, window, labels);
        GateScores scores = new GateScores(graph.modalities().size());
        float[] row = new float[window.width()];
        WindowPlan plan = WindowPlan.of(window, bundle.overlap(), crop.depth(), crop.height(), crop.width());
        int windowsLeft = plan.windows();
        long nanos = 0;
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
                            nanos += runWindowInWhatMemoryThereIs(graph, handle, control);
                            collect(graph, memory, memory.foregroundMass(row), scores);
                            if (oneWindow) {
                                SlabBlender.labelSingleWindow(memory.probabilities(), classes, crop, labels);
                            } else {
                                blender.add(memory.probabilities(), z, y, x);
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
        return segmentation(labels, graph, scores, tiling, plan.windows(), nanos);
    }

    private static void collect(SubsetGraph graph, WindowBuffers memory, double foreground, GateScores scores)
            throws EngineException {
        requireNumber(foreground);
        if (graph.gate() == Gate.COMPUTED) {
            int modalities = graph.modalities().size();
            scores.add(
                    foreground,
                    memory.weights(modalities),
                    memory.globalConsistency(modalities),
                    memory.regionalConsistency(modalities));
        }
    }

    private static CropSegmentation segmentation(
            byte[] labels, SubsetGraph graph, GateScores scores, Tiling tiling, int windows, long nanos) {
        List<ModalityTrust> trust =
                switch (graph.gate()) {
                    case COMPUTED ->
                        graph.use() == GraphUse.CONSISTENCY
                                ? withFixedWeights(graph, scores.summary(graph.modalities()))
                                : scores.summary(graph.modalities());
                    case FIXED -> GateScores.fixed(graph);
                    case NONE -> List.of();
                };
        boolean gateActed = graph.gate() == Gate.COMPUTED && graph.use() != GraphUse.CONSISTENCY;
        return new CropSegmentation(labels, trust, gateActed, tiling, windows, nanos);
    }

    /** Two modalities agree with each other equally much: what the graph answers as their weights is known but for rounding. */
    private static List<ModalityTrust> withFixedWeights(SubsetGraph graph, List<ModalityTrust> computed) {
        List<ModalityTrust> trust = new ArrayList<>();
        for (int m = 0; m < computed.size(); m++) {
            ModalityTrust one = computed.get(m);
            Estimate share = new Estimate(graph.fixedWeights().get(m), 0);
            trust.add(new ModalityTrust(one.modality(), share, one.globalConsistency(), one.regionalConsistency()));
        }
        return trust;
    }

    private byte[] newLabels(NormalisedCrop crop) throws EngineException {
        try {
            return new byte[crop.voxels()];
        } catch (OutOfMemoryError e) {
            throw noHeap(crop, e);
        }
    }

    private SlabBlender newBlender(NormalisedCrop crop, WindowShape window, byte[] labels) throws EngineException {
        try {
            return new SlabBlender(crop, window, bundle.classes().size(), labels);
        } catch (OutOfMemoryError e) {
            throw noHeap(crop, e);
        }
    }

    private EngineException noHeap(NormalisedCrop crop, OutOfMemoryError e) {
        return new EngineException(
                Kind.OUT_OF_MEMORY, "no heap for the " + bytesNeeded(crop) + " bytes that this study needs", e);
    }

    private WindowBuffers buffersOf(SubsetGraph graph) throws EngineException {
        WindowBuffers.Shape shape = WindowBuffers.Shape.of(graph);
        if (!shape.labels() && shape.window().equals(bundle.window())) {
            return buffers;
        }
        WindowBuffers known = otherBuffers.get(shape);
        if (known == null) {
            try {
                known = new WindowBuffers(bundle, shape);
            } catch (OutOfMemoryError e) {
                throw new EngineException(Kind.OUT_OF_MEMORY, "no memory for the input of " + graph.file(), e);
            }
            otherBuffers.put(shape, known);
        }
        return known;
    }

    /**
     * Runs a window; when the device has no memory left, once more with nothing else of this engine on it.
     */
    private long runWindowInWhatMemoryThereIs(SubsetGraph graph, RunHandle handle, InferenceControl control)
            throws EngineException {
        try {
            // Looked up for every window: the hook may have run another study, or closed the engine.
            requireOpen();
            return runWindow(session(graph), handle, control);
        } catch (EngineException e) {
            goOnAfter(e, "once more without the sessions of other subsets");
            return runWindow(session(graph), handle, control);
        }
    }

    /** Nanoseconds inside ONNX Runtime. */
    private long runWindow(SubsetSession session, RunHandle handle, InferenceControl control) throws EngineException {
        buffersOf(session.graph()).spoil();
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
        open = SubsetSession.open(bundle, graph, buffersOf(graph), device, settings);
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
        if (settings.pairConsistency()) {
            List<SubsetGraph> pair = bundle.extraGraphs(GraphUse.CONSISTENCY, crop.modalities());
            return pair.isEmpty() ? graph.get() : pair.get(0);
        }
        return graph.get();
    }

    private static void requireNumber(double foreground) throws EngineException {
        if (!Double.isFinite(foreground)) {
            throw new EngineException(Kind.ENGINE_ERROR, "the network answered probabilities that are not numbers");
        }
    }

    private static EngineException invalid(String what) {
        return new EngineException(Kind.INVALID_INPUT, "input: " + what);
    }

    private static String size(NormalisedCrop crop) {
        return crop.depth() + " x " + crop.height() + " x " + crop.width();
    }

    private static boolean isOneWindow(WindowShape window, int depth, int height, int width) {
        return depth == window.depth() && height == window.height() && width == window.width();
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
