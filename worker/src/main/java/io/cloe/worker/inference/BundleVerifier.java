package io.cloe.worker.inference;

import io.cloe.worker.bundle.BundleException;
import io.cloe.worker.bundle.ModelBundle;
import java.util.Locale;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Checks that a bundle's network computes what its exporter saw. Stateless; any thread. */
public final class BundleVerifier {

    private static final Logger LOG = LoggerFactory.getLogger(BundleVerifier.class);

    /**
     * Outcome of a golden window that passed.
     *
     * @param largestDifference largest difference from the manifest's numbers
     * @param nanos time inside ONNX Runtime for the window, in nanoseconds; the first run of a session, so slower than later ones
     */
    public record GoldenReport(double largestDifference, long nanos) {}

    private BundleVerifier() {}

    /**
     * Runs the golden window.
     *
     * @throws BundleException of kind {@code GOLDEN_MISMATCH} if a number differs by more than the bundle's tolerance
     * @throws EngineException if the network does not run
     */
    public static GoldenReport verify(ModelBundle bundle, InferenceEngine engine)
            throws BundleException, EngineException {
        if (!engine.bundle().identity().equals(bundle.identity())) {
            throw new IllegalArgumentException("the engine runs another bundle");
        }
        GoldenAnswer answer = engine.golden();
        return new GoldenReport(answer.compare(bundle.golden()), answer.nanos());
    }

    /**
     * As {@link #verify}, and opens every subset's graph to check its interface. Takes time and memory for all subsets: for
     * {@code model verify}, not for every start.
     */
    public static GoldenReport verifyEveryGraph(ModelBundle bundle, InferenceEngine engine)
            throws BundleException, EngineException {
        GoldenReport report = verify(bundle, engine);
        engine.openEverySession();
        return report;
    }

    /**
     * Opens an engine that has computed the golden window on the device it will serve from. With {@code auto}, a CUDA device that loads
     * but cannot run the network, as without cuDNN, gives way to the CPU, and {@link ExecutionDevice#reason()} says so.
     *
     * @throws BundleException of kind {@code GOLDEN_MISMATCH} if the network's numbers are wrong; never a reason to try another device
     * @throws EngineException if no device allowed by the settings runs the network
     */
    public static InferenceEngine openVerified(ModelBundle bundle, EngineSettings settings)
            throws BundleException, EngineException {
        ExecutionDevice device = ExecutionDevice.select(settings.device());
        try {
            return openVerified(bundle, settings, device);
        } catch (EngineException e) {
            boolean mayFallBack = device.isGpu()
                    && settings.device() instanceof DeviceChoice.Auto
                    && e.kind() != EngineException.Kind.BUNDLE_REFUSED;
            if (!mayFallBack) {
                throw e;
            }
            String why = device.running() + " cannot run the network: " + e.getMessage();
            LOG.warn("Device auto: {}; using the CPU", why);
            return openVerified(bundle, settings, ExecutionDevice.onCpu(settings.device(), why));
        }
    }

    private static InferenceEngine openVerified(ModelBundle bundle, EngineSettings settings, ExecutionDevice device)
            throws BundleException, EngineException {
        InferenceEngine engine = InferenceEngine.open(bundle, settings, device);
        try {
            GoldenReport report = verify(bundle, engine);
            LOG.info(
                    "Model {} {} of family {} verified on {} ({}): golden window within {} in {} ms",
                    bundle.identity().id(),
                    bundle.identity().version(),
                    bundle.identity().family(),
                    device.running(),
                    device.reason(),
                    String.format(Locale.ROOT, "%.1e", report.largestDifference()),
                    report.nanos() / 1_000_000);
            return engine;
        } catch (BundleException | EngineException | RuntimeException e) {
            engine.close();
            throw e;
        }
    }
}
