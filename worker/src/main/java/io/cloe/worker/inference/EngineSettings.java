package io.cloe.worker.inference;

import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * How an engine runs.
 *
 * @param device the device asked for
 * @param threads threads that compute one window on the CPU, at least 1
 * @param studyMemoryBytes largest {@link InferenceEngine#bytesNeeded} that is accepted
 * @param openSessions subsets whose session stays open, at least 1; the least recently used is closed first. An idle session
 *     keeps little more than its weights
 * @param tf32 whether CUDA may compute convolutions in TensorFloat-32: faster, about 3e-4 relative error. No effect on the CPU
 * @param wholeCropBytes crops are segmented at once, without windows, where the bundle has a graph for that; on a CPU, where running it
 *     takes no more memory outside the heap than this. Empty: windows always
 * @param pairConsistency whether the consistency of two modalities is computed, where the bundle has graphs for that. Takes about as
 *     long as a third modality; the weights are 1/2 nevertheless
 * @param tensorRtCache folder in which TensorRT keeps the engines that it builds, which takes minutes each; empty: none is kept. It must
 *     be writable for the process alone, since what lies there is run
 */
public record EngineSettings(
        DeviceChoice device,
        int threads,
        long studyMemoryBytes,
        int openSessions,
        boolean tf32,
        OptionalLong wholeCropBytes,
        boolean pairConsistency,
        Optional<Path> tensorRtCache) {

    public EngineSettings {
        if (threads < 1 || openSessions < 1 || studyMemoryBytes < 0) {
            throw new IllegalArgumentException(
                    "threads and openSessions must be at least 1, studyMemoryBytes at least 0");
        }
    }

    /**
     * Automatic device, all processors, 2 GiB per study, every subset's session open, no TF32, whole crops in what memory the machine
     * leaves, no consistency of pairs, no engines of TensorRT kept.
     */
    public static EngineSettings defaults() {
        return new EngineSettings(
                new DeviceChoice.Auto(),
                Runtime.getRuntime().availableProcessors(),
                2L << 30,
                Integer.MAX_VALUE,
                false,
                OptionalLong.of(NativeMemory.left()),
                false,
                Optional.empty());
    }

    public EngineSettings withDevice(DeviceChoice value) {
        return new EngineSettings(
                value, threads, studyMemoryBytes, openSessions, tf32, wholeCropBytes, pairConsistency, tensorRtCache);
    }

    public EngineSettings withThreads(int value) {
        return new EngineSettings(
                device, value, studyMemoryBytes, openSessions, tf32, wholeCropBytes, pairConsistency, tensorRtCache);
    }

    public EngineSettings withStudyMemoryBytes(long value) {
        return new EngineSettings(
                device, threads, value, openSessions, tf32, wholeCropBytes, pairConsistency, tensorRtCache);
    }

    public EngineSettings withOpenSessions(int value) {
        return new EngineSettings(
                device, threads, studyMemoryBytes, value, tf32, wholeCropBytes, pairConsistency, tensorRtCache);
    }

    public EngineSettings withTf32(boolean value) {
        return new EngineSettings(
                device, threads, studyMemoryBytes, openSessions, value, wholeCropBytes, pairConsistency, tensorRtCache);
    }

    /** @param value false: windows always; true: as by default */
    public EngineSettings withWholeCrop(boolean value) {
        return withWholeCropBytes(value ? OptionalLong.of(NativeMemory.left()) : OptionalLong.empty());
    }

    public EngineSettings withWholeCropBytes(OptionalLong value) {
        return new EngineSettings(
                device, threads, studyMemoryBytes, openSessions, tf32, value, pairConsistency, tensorRtCache);
    }

    public EngineSettings withPairConsistency(boolean value) {
        return new EngineSettings(
                device, threads, studyMemoryBytes, openSessions, tf32, wholeCropBytes, value, tensorRtCache);
    }

    public EngineSettings withTensorRtCache(Path value) {
        return new EngineSettings(
                device,
                threads,
                studyMemoryBytes,
                openSessions,
                tf32,
                wholeCropBytes,
                pairConsistency,
                Optional.of(value));
    }
}
