package io.cloe.worker.inference;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.OrtSession.SessionOptions;
import ai.onnxruntime.TensorInfo;
import io.cloe.worker.bundle.BundleException;
import io.cloe.worker.bundle.Gate;
import io.cloe.worker.bundle.GraphUse;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.bundle.SubsetGraph;
import io.cloe.worker.bundle.WindowShape;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * One subset's graph, ready to run on the engine's buffers. Owns its session and tensors and shows neither: ONNX Runtime crashes the
 * process when it is handed a closed tensor. Used under the engine's lock only.
 */
final class SubsetSession implements AutoCloseable {

    private static final String INPUT = "volumes";
    private static final String PROBABILITIES = "probabilities";
    private static final String LABELS = "labels";
    private static final String FOREGROUND = "foreground";
    private static final String WEIGHTS = "weights";
    private static final String CONSISTENCY_GLOBAL = "consistency_global";
    private static final String CONSISTENCY_REGIONAL = "consistency_regional";

    /** Where ONNX Runtime looks for external data when the graph itself comes from memory. */
    private static final String WEIGHTS_FOLDER_ENTRY = "session.model_external_initializers_file_folder_path";

    private static final String WEIGHTS_FILE = "graphs/weights.bin";

    private final SubsetGraph graph;
    private final OrtSession session;
    private final Map<String, OnnxTensor> inputs = new HashMap<>();
    private final Map<String, OnnxTensor> outputs = new HashMap<>();
    private long usedAt = System.nanoTime();
    private boolean closed;

    private SubsetSession(SubsetGraph graph, OrtSession session) {
        this.graph = graph;
        this.session = session;
    }

    /**
     * Opens a graph. Its bytes and the weights are compared with the manifest once more, and the very bytes compared are what runs.
     *
     * @throws EngineException of kind {@code BUNDLE_REFUSED} if a file or the graph's interface is not what the bundle says
     */
    static SubsetSession open(
            ModelBundle bundle,
            SubsetGraph graph,
            WindowBuffers buffers,
            ExecutionDevice device,
            EngineSettings settings)
            throws EngineException {
        return open(bundle, graph, buffers, device, settings, options -> {});
    }

    /** More options of a session. */
    interface Tuning {
        void apply(SessionOptions options) throws OrtException;
    }

    /** As {@link #open(ModelBundle, SubsetGraph, WindowBuffers, ExecutionDevice, EngineSettings)}, with options beside the usual ones. */
    static SubsetSession open(
            ModelBundle bundle,
            SubsetGraph graph,
            WindowBuffers buffers,
            ExecutionDevice device,
            EngineSettings settings,
            Tuning tuning)
            throws EngineException {
        OrtEnvironment environment = OnnxRuntime.environment();
        byte[] model = verified(bundle, graph);
        Path weightsFolder = bundle.files().root().resolve(graph.file()).getParent();
        try (SessionOptions options = new SessionOptions()) {
            options.setOptimizationLevel(SessionOptions.OptLevel.ALL_OPT);
            options.setIntraOpNumThreads(settings.threads());
            options.addConfigEntry(WEIGHTS_FOLDER_ENTRY, weightsFolder.toString());
            // Waiting threads that spin take cores from decoding and from each other: on two busy cores, runs took up
            // to twice as long.
            options.addConfigEntry("session.intra_op.allow_spinning", "0");
            if (graph.use() == GraphUse.WHOLE_CROP && !device.isGpu()) {
                // Gigabytes, which every subset's session would keep for itself, and a pattern would take twice.
                options.setCPUArenaAllocator(false);
                options.setMemoryPatternOptimization(false);
            }
            device.configure(options, settings);
            tuning.apply(options);
            SubsetSession opened = new SubsetSession(graph, environment.createSession(model, options));
            try {
                opened.requireInterface(bundle);
                opened.createTensors(environment, bundle, buffers);
                return opened;
            } catch (OrtException | EngineException | RuntimeException e) {
                opened.close();
                throw e;
            }
        } catch (OrtException e) {
            throw OrtFailure.of("opening " + graph.file(), e);
        }
    }

    /** Runs the window that lies in the buffers; the answer lies there afterwards. */
    void run(RunHandle handle) throws OrtException {
        if (closed) {
            throw new IllegalStateException("the session of " + graph.file() + " is closed");
        }
        usedAt = System.nanoTime();
        // The results are the pinned tensors, which stay open: closing the result releases its own bookkeeping only.
        session.run(inputs, Set.of(), outputs, handle.options()).close();
    }

    /** Ends profiling and names the file that it wrote. */
    Path endProfiling() throws OrtException {
        return Path.of(session.endProfiling());
    }

    /** {@link System#nanoTime} of the latest run, or of the opening. */
    long usedAt() {
        return usedAt;
    }

    SubsetGraph graph() {
        return graph;
    }

    @Override
    public void close() throws EngineException {
        if (closed) {
            return;
        }
        closed = true;
        try {
            session.close();
        } catch (OrtException e) {
            throw OrtFailure.of("closing " + graph.file(), e);
        } finally {
            inputs.values().forEach(OnnxTensor::close);
            outputs.values().forEach(OnnxTensor::close);
        }
    }

    /** The graph's bytes, once they and the weights are what the manifest lists. */
    private static byte[] verified(ModelBundle bundle, SubsetGraph graph) throws EngineException {
        try {
            if (bundle.files().listed().containsKey(WEIGHTS_FILE)) {
                bundle.files().verify(WEIGHTS_FILE);
            }
            return bundle.files().read(graph.file());
        } catch (BundleException e) {
            throw new EngineException(EngineException.Kind.BUNDLE_REFUSED, e.getMessage(), e);
        }
    }

    private void requireInterface(ModelBundle bundle) throws OrtException, EngineException {
        requireTensors("input", Map.of(INPUT, inputShape()), session.getInputInfo());
        requireTensors("output", outputShapes(bundle), session.getOutputInfo());
    }

    private void requireTensors(String role, Map<String, long[]> expected, Map<String, NodeInfo> actual)
            throws EngineException {
        if (!actual.keySet().equals(expected.keySet())) {
            throw refused(role + "s " + actual.keySet() + ", must be " + expected.keySet());
        }
        for (Map.Entry<String, long[]> tensor : expected.entrySet()) {
            String shape = Arrays.toString(tensor.getValue());
            if (!(actual.get(tensor.getKey()).getInfo() instanceof TensorInfo info)) {
                throw refused(role + " '" + tensor.getKey() + "' is no tensor");
            }
            OnnxJavaType type = tensor.getKey().equals(LABELS) ? OnnxJavaType.UINT8 : OnnxJavaType.FLOAT;
            if (info.type != type || !Arrays.equals(info.getShape(), tensor.getValue())) {
                throw refused(role + " '" + tensor.getKey() + "' is " + info.type + " "
                        + Arrays.toString(info.getShape()) + ", must be " + type + " " + shape);
            }
        }
    }

    private EngineException refused(String what) {
        return new EngineException(EngineException.Kind.BUNDLE_REFUSED, graph.file() + ": " + what);
    }

    private void createTensors(OrtEnvironment environment, ModelBundle bundle, WindowBuffers buffers)
            throws OrtException {
        int modalities = graph.modalities().size();
        Map<String, FloatBuffer> memory = Map.of(
                PROBABILITIES,
                buffers.probabilities(),
                FOREGROUND,
                buffers.foreground(),
                WEIGHTS,
                buffers.weights(modalities),
                CONSISTENCY_GLOBAL,
                buffers.globalConsistency(modalities),
                CONSISTENCY_REGIONAL,
                buffers.regionalConsistency(modalities));
        inputs.put(INPUT, OnnxTensor.createTensor(environment, buffers.volumes(modalities), inputShape()));
        for (Map.Entry<String, long[]> output : outputShapes(bundle).entrySet()) {
            String name = output.getKey();
            outputs.put(
                    name,
                    name.equals(LABELS)
                            ? OnnxTensor.createTensor(
                                    environment, buffers.labels(), output.getValue(), OnnxJavaType.UINT8)
                            : OnnxTensor.createTensor(environment, memory.get(name), output.getValue()));
        }
    }

    private long[] inputShape() {
        return volumeShape(graph.modalities().size());
    }

    private Map<String, long[]> outputShapes(ModelBundle bundle) {
        Map<String, long[]> shapes = new LinkedHashMap<>();
        if (graph.use() == GraphUse.WHOLE_CROP) {
            WindowShape window = graph.window();
            shapes.put(LABELS, new long[] {1, window.depth(), window.height(), window.width()});
            shapes.put(FOREGROUND, new long[] {1});
        } else {
            shapes.put(PROBABILITIES, volumeShape(bundle.classes().size()));
        }
        if (graph.gate() == Gate.COMPUTED) {
            long[] scores = {1, graph.modalities().size()};
            shapes.put(WEIGHTS, scores);
            shapes.put(CONSISTENCY_GLOBAL, scores);
            shapes.put(CONSISTENCY_REGIONAL, scores);
        }
        return shapes;
    }

    private long[] volumeShape(int channels) {
        WindowShape window = graph.window();
        return new long[] {1, channels, window.depth(), window.height(), window.width()};
    }
}
