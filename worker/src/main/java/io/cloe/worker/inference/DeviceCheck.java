package io.cloe.worker.inference;

import ai.onnxruntime.OrtException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cloe.worker.bundle.BundleException;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.bundle.SubsetGraph;
import io.cloe.worker.bundle.WindowShape;
import io.cloe.worker.inference.DeviceReport.Memory;
import io.cloe.worker.inference.DeviceReport.Parity;
import io.cloe.worker.inference.DeviceReport.WholeCrop;
import io.cloe.worker.volume.NormalisedCrop;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * Finds out whether a device can serve a model, and how fast: the provider loads, no node falls back to the CPU, every subset answers as
 * on the CPU, times, memory after many runs. On the CPU it does the same in a degraded form.
 */
public final class DeviceCheck {

    /** Windows of the study that is timed: 2 x 2 x 3 with half of each shared with its neighbour. */
    private static final double[] STUDY_SIZE = {1.5, 1.5, 2};

    private static final int THREADS = 3;
    private static final Parity EXACT = new Parity(1e-3, 1e-3, 0.9999);
    private static final Parity ROUNDED = new Parity(0.1, 0.05, 0.99);

    private final Options options;
    private final Consumer<String> progress;
    private final List<String> faults = new ArrayList<>();
    private final List<String> notChecked = new ArrayList<>();

    /**
     * What to check.
     *
     * @param device the device
     * @param runs windows per measured time, at least 1
     * @param memoryRuns windows to run for the memory
     * @param studies whether whole studies are timed for every subset, or for all modalities only
     * @param wholeCrops whether brains are segmented at once as well
     * @param other another form of the same model to compare with, such as one in half precision
     */
    public record Options(
            DeviceChoice device,
            int runs,
            int memoryRuns,
            boolean studies,
            boolean wholeCrops,
            Optional<ModelBundle> other) {}

    private DeviceCheck(Options options, Consumer<String> progress) {
        this.options = options;
        this.progress = progress;
    }

    /**
     * Checks a device.
     *
     * @param progress told what is being done
     * @throws EngineException if the device cannot be used at all
     * @throws BundleException if the model answers its golden window wrongly on the device
     */
    public static DeviceReport run(ModelBundle bundle, Options options, Consumer<String> progress)
            throws EngineException, BundleException, IOException, InterruptedException {
        return new DeviceCheck(options, progress).check(bundle);
    }

    /** Whether this choice means a GPU here. */
    public static boolean wouldUseGpu(DeviceChoice choice) throws EngineException {
        return ExecutionDevice.select(choice).isGpu();
    }

    private DeviceReport check(ModelBundle bundle)
            throws EngineException, BundleException, IOException, InterruptedException {
        // Windows are what every bundle has, and what figures of devices are told by; whole crops have a check of their
        // own.
        EngineSettings settings =
                EngineSettings.defaults().withDevice(options.device()).withWholeCrop(false);
        try (InferenceEngine device = InferenceEngine.open(bundle, settings);
                InferenceEngine cpu = InferenceEngine.open(bundle, settings.withDevice(new DeviceChoice.Cpu()))) {
            boolean cuda = device.device().isGpu();
            progress.accept("the bundle's golden window");
            double golden = BundleVerifier.verify(bundle, device).largestDifference();
            requireOnDevice(bundle, device, settings);
            List<DeviceReport.Subset> subsets = subsets(bundle, device, cpu, settings);
            progress.accept("profile of the graph of all modalities");
            Profile profile = profile(bundle, device, settings);
            progress.accept("two subsets in turn");
            double switching = switching(bundle, device);
            Memory memory = memory(bundle, device);
            List<WholeCrop> wholeCrops = wholeCrops(bundle, settings.withWholeCrop(true));
            notChecked.add("PyTorch with channels_last_3d: the Python package's `cloe speed` times that");
            if (!cuda) {
                notChecked.add("this is the CPU: what a GPU would do is not known");
            }
            return new DeviceReport(
                    options.device().toString(),
                    device.device().running().toString(),
                    cuda ? NvidiaSmi.query("name,driver_version,memory.total") : Optional.empty(),
                    bundle.identity().id() + " " + bundle.identity().version(),
                    List.of(
                            bundle.window().depth(),
                            bundle.window().height(),
                            bundle.window().width()),
                    golden,
                    subsets,
                    wholeCrops,
                    profile.nodes(),
                    profile.time(),
                    switching,
                    memory,
                    List.copyOf(faults),
                    List.copyOf(notChecked));
        }
    }

    /** A node that the provider cannot run lands on the CPU, silently, and with it two copies per run. */
    private void requireOnDevice(ModelBundle bundle, InferenceEngine engine, EngineSettings settings)
            throws EngineException {
        if (!engine.device().isGpu()) {
            notChecked.add("nodes that fall back to the CPU: everything runs there");
            return;
        }
        for (SubsetGraph graph : bundle.graphs()) {
            progress.accept("nodes of " + name(graph));
            try {
                SubsetSession.open(
                                bundle,
                                graph,
                                WindowBuffers.ofWindow(bundle),
                                engine.device(),
                                settings,
                                more -> more.addConfigEntry("session.disable_cpu_ep_fallback", "1"))
                        .close();
            } catch (EngineException e) {
                faults.add(name(graph) + ": nodes fall back to the CPU: " + e.getMessage());
            }
        }
    }

    private List<DeviceReport.Subset> subsets(
            ModelBundle bundle, InferenceEngine device, InferenceEngine cpu, EngineSettings settings)
            throws EngineException {
        List<DeviceReport.Subset> subsets = new ArrayList<>();
        Optional<InferenceEngine> tf32 = device.device().isGpu()
                ? Optional.of(InferenceEngine.open(bundle, settings.withTf32(true)))
                : Optional.empty();
        Optional<InferenceEngine> other = options.other().isPresent()
                ? Optional.of(InferenceEngine.open(options.other().get(), settings))
                : Optional.empty();
        try {
            for (SubsetGraph graph : bundle.graphs()) {
                progress.accept(name(graph));
                subsets.add(subset(bundle, graph, device, cpu, tf32, other));
            }
        } finally {
            if (tf32.isPresent()) {
                tf32.get().close();
            }
            if (other.isPresent()) {
                other.get().close();
            }
        }
        return subsets;
    }

    private List<WholeCrop> wholeCrops(ModelBundle bundle, EngineSettings settings) throws EngineException {
        WholeCropCheck check = new WholeCropCheck(bundle, options.runs(), DeviceCheck::noise);
        if (!options.wholeCrops()) {
            if (!check.graphs().isEmpty()) {
                notChecked.add("brains that are segmented at once: --whole-crops does");
            }
            return List.of();
        }
        List<WholeCrop> measured = new ArrayList<>();
        try (InferenceEngine device = InferenceEngine.open(bundle, settings);
                InferenceEngine cpu = InferenceEngine.open(bundle, settings.withDevice(new DeviceChoice.Cpu()))) {
            for (SubsetGraph graph : check.graphs()) {
                progress.accept("a brain at once of " + name(graph));
                Optional<WholeCrop> answer = check.check(graph, device, cpu);
                if (answer.isEmpty()) {
                    notChecked.add("a brain at once of " + name(graph) + ": too little memory");
                    continue;
                }
                measured.add(answer.get());
                require(
                        graph,
                        "a brain at once",
                        new Parity(0, answer.get().score(), answer.get().equalLabels()),
                        EXACT);
            }
        }
        return measured;
    }

    private DeviceReport.Subset subset(
            ModelBundle bundle,
            SubsetGraph graph,
            InferenceEngine device,
            InferenceEngine cpu,
            Optional<InferenceEngine> tf32,
            Optional<InferenceEngine> other)
            throws EngineException {
        NormalisedCrop window = noise(bundle, graph, new double[] {1, 1, 1});
        int classes = bundle.classes().size();
        WindowAnswer expected = cpu.window(window);
        Parity exact = parity(device.window(window), expected, classes);
        require(graph, "full precision", exact, EXACT);
        Optional<Parity> rounded = Optional.empty();
        if (tf32.isPresent()) {
            rounded = Optional.of(parity(tf32.get().window(window), expected, classes));
            require(graph, "TensorFloat-32", rounded.get(), ROUNDED);
        }
        Optional<Parity> otherParity = Optional.empty();
        Optional<Double> otherMs = Optional.empty();
        if (other.isPresent()) {
            otherParity = Optional.of(parity(other.get().window(window), expected, classes));
            require(graph, "the other form", otherParity.get(), ROUNDED);
            otherMs = Optional.of(medianMs(other.get(), window));
        }
        double ms = medianMs(device, window);
        NormalisedCrop study = noise(bundle, graph, STUDY_SIZE);
        int windows = WindowPlan.of(bundle.window(), bundle.overlap(), study.depth(), study.height(), study.width())
                .windows();
        boolean all = graph.modalities().size() == bundle.modalities().size();
        Optional<Double> studyMs = all || options.studies() ? Optional.of(studyMs(device, study)) : Optional.empty();
        return new DeviceReport.Subset(graph.modalities(), ms, studyMs, windows, exact, rounded, otherParity, otherMs);
    }

    private static Parity parity(WindowAnswer ours, WindowAnswer expected, int classes) {
        return new Parity(ours.farthest(expected), ours.farthestScore(expected), ours.equalLabels(expected, classes));
    }

    private void require(SubsetGraph graph, String what, Parity parity, Parity limit) {
        // So that what is not a number fails too.
        boolean good = parity.probability() <= limit.probability()
                && parity.score() <= limit.score()
                && parity.equalLabels() >= limit.equalLabels();
        if (!good) {
            faults.add(String.format(
                    Locale.ROOT,
                    "%s: %s differs from the CPU: probabilities by %.1e, scores by %.1e, %.3f %% of the labels equal",
                    name(graph),
                    what,
                    parity.probability(),
                    parity.score(),
                    100 * parity.equalLabels()));
        }
    }

    private double medianMs(InferenceEngine engine, NormalisedCrop window) throws EngineException {
        double[] ms = new double[options.runs()];
        for (int run = 0; run < ms.length; run++) {
            ms[run] = engine.window(window).nanos() / 1e6;
        }
        return median(ms);
    }

    private static double studyMs(InferenceEngine engine, NormalisedCrop study) throws EngineException {
        long start = System.nanoTime();
        engine.infer(study, new InferenceControl());
        return (System.nanoTime() - start) / 1e6;
    }

    /** What ONNX Runtime's profiler says. */
    private record Profile(Map<String, Integer> nodes, Map<String, Double> time) {}

    private Profile profile(ModelBundle bundle, InferenceEngine engine, EngineSettings settings)
            throws EngineException, IOException {
        SubsetGraph all = bundle.graph(bundle.modalities()).orElseThrow();
        Path folder = Files.createTempDirectory("cloe-device-check-");
        Path written = null;
        WindowBuffers buffers = WindowBuffers.ofWindow(bundle);
        buffers.load(noise(bundle, all, new double[] {1, 1, 1}), 0, 0, 0);
        try (SubsetSession session = SubsetSession.open(
                bundle,
                all,
                buffers,
                engine.device(),
                settings,
                more -> more.enableProfiling(folder.resolve("profile").toString()))) {
            try (RunHandle handle = new RunHandle()) {
                session.run(handle);
                session.run(handle);
            }
            written = session.endProfiling();
            return read(new ObjectMapper().readTree(written.toFile()));
        } catch (OrtException e) {
            throw OrtFailure.of("profiling", e);
        } finally {
            if (written != null) {
                Files.deleteIfExists(written);
            }
            Files.deleteIfExists(folder);
        }
    }

    private static Profile read(JsonNode events) {
        Map<String, String> providerOfNode = new TreeMap<>();
        Map<String, Double> micros = new TreeMap<>();
        for (JsonNode event : events) {
            JsonNode provider = event.at("/args/provider");
            if (provider.isMissingNode() || !event.path("name").asText().endsWith("_kernel_time")) {
                continue;
            }
            providerOfNode.put(event.get("name").asText(), provider.asText());
            micros.merge(event.at("/args/op_name").asText(), event.get("dur").asDouble(), Double::sum);
        }
        Map<String, Integer> nodes = new TreeMap<>();
        providerOfNode.values().forEach(provider -> nodes.merge(provider, 1, Integer::sum));
        double total = micros.values().stream().mapToDouble(Double::doubleValue).sum();
        Map<String, Double> time = new LinkedHashMap<>();
        micros.entrySet().stream()
                .sorted(Map.Entry.comparingByValue(Comparator.reverseOrder()))
                .limit(5)
                .forEach(one -> time.put(one.getKey(), one.getValue() / total));
        micros.forEach((operator, spent) -> {
            if (operator.startsWith("Memcpy")) {
                time.put(operator, spent / total);
            }
        });
        return new Profile(nodes, time);
    }

    /** ONNX Runtime keeps cuDNN's plan of the latest shape only, so that shapes must not be mixed in one session; subsets have their own. */
    private double switching(ModelBundle bundle, InferenceEngine engine) throws EngineException {
        SubsetGraph one = bundle.graphs().get(0);
        SubsetGraph other = bundle.graphs().get(1 % bundle.graphs().size());
        NormalisedCrop first = noise(bundle, one, new double[] {1, 1, 1});
        NormalisedCrop second = noise(bundle, other, new double[] {1, 1, 1});
        double steady = (medianMs(engine, first) + medianMs(engine, second)) / 2;
        double[] turns = new double[2 * options.runs()];
        for (int run = 0; run < turns.length; run++) {
            turns[run] = engine.window(run % 2 == 0 ? first : second).nanos() / 1e6;
        }
        return Arrays.stream(turns).average().orElse(0) / steady;
    }

    private Memory memory(ModelBundle bundle, InferenceEngine engine)
            throws EngineException, InterruptedException, IOException {
        List<NormalisedCrop> windows = new ArrayList<>();
        for (SubsetGraph graph : bundle.graphs()) {
            windows.add(noise(bundle, graph, new double[] {1, 1, 1}));
        }
        progress.accept("memory after " + options.memoryRuns() + " windows from " + THREADS + " threads");
        double processBefore = processMib();
        Optional<Double> deviceBefore = deviceMib(engine);
        List<EngineException> failures = new ArrayList<>();
        for (int run = 0; run < options.memoryRuns(); run += THREADS) {
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < Math.min(THREADS, options.memoryRuns() - run); i++) {
                NormalisedCrop window = windows.get((run + i) % windows.size());
                Thread thread = new Thread(() -> {
                    try {
                        engine.window(window);
                    } catch (EngineException e) {
                        synchronized (failures) {
                            failures.add(e);
                        }
                    }
                });
                threads.add(thread);
                thread.start();
            }
            for (Thread thread : threads) {
                thread.join();
            }
        }
        if (!failures.isEmpty()) {
            throw failures.get(0);
        }
        return new Memory(options.memoryRuns(), THREADS, processBefore, processMib(), deviceBefore, deviceMib(engine));
    }

    private static Optional<Double> deviceMib(InferenceEngine engine) throws IOException, InterruptedException {
        return engine.device().isGpu()
                ? NvidiaSmi.query("memory.used").map(text -> Double.valueOf(text.replaceAll("[^0-9.]", "")))
                : Optional.empty();
    }

    private static double processMib() throws IOException {
        Path status = Path.of("/proc/self/status");
        if (!Files.isReadable(status)) {
            return Double.NaN;
        }
        return Files.readAllLines(status).stream()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToDouble(line -> Double.parseDouble(line.replaceAll("\\D+", "")) / 1_024)
                .findFirst()
                .orElse(Double.NaN);
    }

    private static double median(double[] values) {
        Arrays.sort(values);
        return values[values.length / 2];
    }

    private static String name(SubsetGraph graph) {
        return String.join("+", graph.modalities());
    }

    private static NormalisedCrop noise(ModelBundle bundle, SubsetGraph graph, double[] windows) {
        WindowShape window = bundle.window();
        return noise(graph, (int) (windows[0] * window.depth()), (int) (windows[1] * window.height()), (int)
                (windows[2] * window.width()));
    }

    /** Noise that fills a graph. */
    private static NormalisedCrop noise(SubsetGraph graph) {
        WindowShape shape = graph.window();
        return noise(graph, shape.depth(), shape.height(), shape.width());
    }

    private static NormalisedCrop noise(SubsetGraph graph, int depth, int height, int width) {
        Random random = new Random(1);
        float[][] channels = new float[graph.modalities().size()][depth * height * width];
        for (float[] channel : channels) {
            for (int i = 0; i < channel.length; i++) {
                channel[i] = (float) random.nextGaussian();
            }
        }
        BitSet brain = new BitSet();
        brain.set(0, depth * height * width);
        return new NormalisedCrop(graph.modalities(), depth, height, width, channels, brain);
    }
}
