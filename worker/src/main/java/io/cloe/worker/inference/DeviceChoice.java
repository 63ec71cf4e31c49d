package io.cloe.worker.inference;

import io.cloe.worker.inference.EngineException.Kind;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The device that an operator asks for: {@code auto}, {@code cpu} or {@code cuda:N}. */
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

    /**
     * One CUDA device and nothing else: never falls back.
     *
     * @param ordinal CUDA's number of the device, from 0
     */
    record Cuda(int ordinal) implements DeviceChoice {
        @Override
        public String toString() {
            return "cuda:" + ordinal;
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
        Matcher cuda = Pattern.compile("cuda:(\\d{1,3})").matcher(String.valueOf(text));
        if (cuda.matches()) {
            return new Cuda(Integer.parseInt(cuda.group(1)));
        }
        throw new EngineException(
                Kind.UNKNOWN_DEVICE,
                "device '" + text + "' is not known; allowed are auto, cpu and cuda:N such as cuda:0");
    }
}
