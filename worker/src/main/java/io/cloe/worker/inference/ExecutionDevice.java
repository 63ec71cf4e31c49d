package io.cloe.worker.inference;

import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession.SessionOptions;
import ai.onnxruntime.providers.OrtCUDAProviderOptions;
import ai.onnxruntime.providers.OrtTensorRTProviderOptions;
import io.cloe.worker.inference.EngineException.Kind;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What was asked for and what runs.
 *
 * @param asked what the operator asked for
 * @param running what runs: {@code Cpu} or a {@code Gpu}
 * @param reason why that one runs, for logs and the admin page
 */
public record ExecutionDevice(DeviceChoice asked, DeviceChoice running, String reason) {

    /**
     * Finds the device by trying it: loads the provider and registers it with throw-away session options. A device that passes may still
     * lack cuDNN; the golden window shows that.
     *
     * @throws EngineException of kind {@code DEVICE_UNAVAILABLE} if a GPU was asked for by name and cannot be used
     */
    public static ExecutionDevice select(DeviceChoice asked) throws EngineException {
        OnnxRuntime.environment();
        if (asked instanceof DeviceChoice.Cpu) {
            return new ExecutionDevice(asked, asked, "asked for");
        }
        DeviceChoice.Gpu gpu = asked instanceof DeviceChoice.Gpu named ? named : new DeviceChoice.Cuda(0);
        try (SessionOptions probe = new SessionOptions()) {
            add(probe, gpu, false, Optional.empty());
            return new ExecutionDevice(
                    asked, gpu, asked instanceof DeviceChoice.Gpu ? "asked for" : "auto: " + gpu + " is available");
        } catch (OrtException e) {
            String why = OrtFailure.describe(e);
            if (asked instanceof DeviceChoice.Gpu) {
                throw new EngineException(
                        Kind.DEVICE_UNAVAILABLE, "device " + asked + " was asked for and cannot be used: " + why, e);
            }
            return onCpu(asked, gpu + " cannot be used: " + why);
        }
    }

    static ExecutionDevice onCpu(DeviceChoice asked, String why) {
        return new ExecutionDevice(asked, new DeviceChoice.Cpu(), asked + ": " + why);
    }

    boolean isGpu() {
        return running instanceof DeviceChoice.Gpu;
    }

    /** ONNX Runtime's name of the memory that activations live in. */
    String arena() {
        return running instanceof DeviceChoice.Gpu gpu ? "gpu:" + gpu.ordinal() : "cpu:0";
    }

    /** Registers this device with a session's options. */
    void configure(SessionOptions options, EngineSettings settings) throws OrtException {
        if (running instanceof DeviceChoice.Gpu gpu) {
            add(options, gpu, settings.tf32(), settings.tensorRtCache());
            // Runs that alternate between threads grew GPU memory through the pattern buffer (onnxruntime#29351).
            options.setMemoryPatternOptimization(false);
        }
    }

    private static void add(SessionOptions options, DeviceChoice.Gpu gpu, boolean tf32, Optional<Path> tensorRtCache)
            throws OrtException {
        if (gpu instanceof DeviceChoice.TensorRt) {
            // The provider registered first gets the nodes that it can compute.
            addTensorRt(options, gpu, tensorRtCache);
        }
        addCuda(options, gpu, tf32);
    }

    private static void addTensorRt(SessionOptions options, DeviceChoice.Gpu gpu, Optional<Path> cache)
            throws OrtException {
        try (OrtTensorRTProviderOptions tensorRt = new OrtTensorRTProviderOptions(gpu.ordinal())) {
            if (cache.isPresent()) {
                // Building an engine takes minutes, and there is one per subset.
                tensorRt.add("trt_engine_cache_enable", "1");
                tensorRt.add("trt_engine_cache_path", cache.get().toString());
                tensorRt.add("trt_timing_cache_enable", "1");
            }
            options.addTensorrt(tensorRt);
        }
    }

    private static void addCuda(SessionOptions options, DeviceChoice.Gpu gpu, boolean tf32) throws OrtException {
        // A missing library shows in the constructor or in addCUDA, depending on the version: both are inside the
        // caller's try.
        try (OrtCUDAProviderOptions cudaOptions = new OrtCUDAProviderOptions(gpu.ordinal())) {
            cudaOptions.add("use_tf32", tf32 ? "1" : "0");
            // The default doubles its claim at every step, which more than doubles the memory of a fixed-shape network.
            cudaOptions.add("arena_extend_strategy", "kSameAsRequested");
            options.addCUDA(cudaOptions);
        }
    }
}
