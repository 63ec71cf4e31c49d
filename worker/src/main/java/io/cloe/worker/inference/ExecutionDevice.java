package io.cloe.worker.inference;

import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession.SessionOptions;
import ai.onnxruntime.providers.OrtCUDAProviderOptions;
import io.cloe.worker.inference.EngineException.Kind;

/**
 * What was asked for and what runs.
 *
 * @param asked what the operator asked for
 * @param running what runs: {@code Cpu} or {@code Cuda}
 * @param reason why that one runs, for logs and the admin page
 */
public record ExecutionDevice(DeviceChoice asked, DeviceChoice running, String reason) {

    /**
     * Finds the device by trying it: loads the provider and registers it with throw-away session options. A device that passes may still
     * lack cuDNN; the golden window shows that.
     *
     * @throws EngineException of kind {@code DEVICE_UNAVAILABLE} if a CUDA device was asked for by name and cannot be used
     */
    public static ExecutionDevice select(DeviceChoice asked) throws EngineException {
        OnnxRuntime.environment();
        if (asked instanceof DeviceChoice.Cpu) {
            return new ExecutionDevice(asked, asked, "asked for");
        }
        DeviceChoice.Cuda cuda = asked instanceof DeviceChoice.Cuda named ? named : new DeviceChoice.Cuda(0);
        try (SessionOptions probe = new SessionOptions()) {
            addCuda(probe, cuda, false);
            return new ExecutionDevice(
                    asked, cuda, asked instanceof DeviceChoice.Cuda ? "asked for" : "auto: " + cuda + " is available");
        } catch (OrtException e) {
            String why = OrtFailure.describe(e);
            if (asked instanceof DeviceChoice.Cuda) {
                throw new EngineException(
                        Kind.DEVICE_UNAVAILABLE, "device " + asked + " was asked for and cannot be used: " + why, e);
            }
            return onCpu(asked, cuda + " cannot be used: " + why);
        }
    }

    static ExecutionDevice onCpu(DeviceChoice asked, String why) {
        return new ExecutionDevice(asked, new DeviceChoice.Cpu(), asked + ": " + why);
    }

    boolean isCuda() {
        return running instanceof DeviceChoice.Cuda;
    }

    /** ONNX Runtime's name of the memory that activations live in. */
    String arena() {
        return running instanceof DeviceChoice.Cuda cuda ? "gpu:" + cuda.ordinal() : "cpu:0";
    }

    /** Registers this device with a session's options. */
    void configure(SessionOptions options, boolean tf32) throws OrtException {
        if (running instanceof DeviceChoice.Cuda cuda) {
            addCuda(options, cuda, tf32);
            // Runs that alternate between threads grew GPU memory through the pattern buffer (onnxruntime#29351).
            options.setMemoryPatternOptimization(false);
        }
    }

    private static void addCuda(SessionOptions options, DeviceChoice.Cuda cuda, boolean tf32) throws OrtException {
        // A missing library shows in the constructor or in addCUDA, depending on the version: both are inside the
        // caller's try.
        try (OrtCUDAProviderOptions cudaOptions = new OrtCUDAProviderOptions(cuda.ordinal())) {
            cudaOptions.add("use_tf32", tf32 ? "1" : "0");
            // The default doubles its claim at every step, which more than doubles the memory of a fixed-shape network.
            cudaOptions.add("arena_extend_strategy", "kSameAsRequested");
            options.addCUDA(cudaOptions);
        }
    }
}
