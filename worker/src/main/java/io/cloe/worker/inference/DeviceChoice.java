package io.cloe.worker.inference;

import io.cloe.worker.inference.EngineException.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The device that an operator asks for: {@code auto}, {@code cpu}, {@code cuda:N} or {@code tensorrt:N}. */
public sealed interface DeviceChoice {

    /** CUDA device 0 if it works, else the CPU; the reason is kept in {@link ExecutionDevice#reason()}. */
    record Auto() implements DeviceChoice {
        @Override
        public String toString() {
            return "auto";
        }
    }

    /** The CPU. */
    record Cpu() implements DeviceChoice {
        @Override
        public String toString() {
            return "cpu";
        }
    }

    /** One NVIDIA GPU and nothing else: never falls back. */
    sealed interface Gpu extends DeviceChoice {

        /** CUDA's number of the device, from 0. */
        int ordinal();
    }

    /** A GPU by ONNX Runtime's own CUDA kernels. */
    record Cuda(int ordinal) implements Gpu {
        @Override
        public String toString() {
            return "cuda:" + ordinal;
        }
    }

    /** A GPU by TensorRT, and by CUDA kernels for what TensorRT does not take. */
    record TensorRt(int ordinal) implements Gpu {
        @Override
        public String toString() {
            return "tensorrt:" + ordinal;
        }
    }

    /**
     * Reads a device.
     *
     * @throws EngineException of kind {@code UNKNOWN_DEVICE} for any other text
     */
    static DeviceChoice parse(String text) throws EngineException {
        if ("auto".equals(text)) {
            return new Auto();
        }
        if ("cpu".equals(text)) {
            return new Cpu();
        }
        Matcher gpu = Pattern.compile("(cuda|tensorrt):(\\d{1,3})").matcher(String.valueOf(text));
        if (gpu.matches()) {
            int ordinal = Integer.parseInt(gpu.group(2));
            return gpu.group(1).equals("cuda") ? new Cuda(ordinal) : new TensorRt(ordinal);
        }
        throw new EngineException(
                Kind.UNKNOWN_DEVICE,
                "device '" + text + "' is not known; allowed are auto, cpu, cuda:N and tensorrt:N such as cuda:0");
    }

    /**
     * Reads one device or, for several GPUs, a list of different ones such as {@code cuda:0,cuda:1}.
     *
     * @throws EngineException of kind {@code UNKNOWN_DEVICE} for any other text
     */
    static List<DeviceChoice> parseList(String text) throws EngineException {
        List<DeviceChoice> devices = new ArrayList<>();
        for (String one : String.valueOf(text).split(",", -1)) {
            devices.add(parse(one.strip()));
        }
        boolean severalGpus = devices.stream().allMatch(Gpu.class::isInstance)
                && devices.stream()
                                .map(device -> ((Gpu) device).ordinal())
                                .distinct()
                                .count()
                        == devices.size();
        if (devices.size() > 1 && !severalGpus) {
            throw new EngineException(
                    Kind.UNKNOWN_DEVICE, "devices '" + text + "' are not different GPUs such as cuda:0,cuda:1");
        }
        return List.copyOf(devices);
    }
}
