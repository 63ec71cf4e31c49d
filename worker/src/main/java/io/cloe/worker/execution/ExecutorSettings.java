package io.cloe.worker.execution;

import java.time.Duration;

/**
 * Sizes of the executor.
 *
 * @param decodeThreads threads that read and normalise, one volume each; as many studies are read at a time, and one more where
 *     live ones meet reprocessing. At least 1
 * @param maxVoxels voxels of the largest volume
 * @param memoryBytes heap that all studies in memory may take together; a study that needs more is read one volume at a time, and
 *     refused if that is not enough
 * @param deviceTimeout longest time that a device may work on one study
 * @param deviceGrace time that a device has to end a run that was stopped; afterwards it counts as stuck
 * @param sessionIdle sessions of subsets that were not used for this long are closed
 * @param reprocessShare part of the device's time that reprocessing gets at least, in [0, 1)
 * @param maskInlineMaxBytes masks up to this size also travel in the result
 * @param resultCache what is remembered of former results
 */
public record ExecutorSettings(
        int decodeThreads,
        int maxVoxels,
        long memoryBytes,
        Duration deviceTimeout,
        Duration deviceGrace,
        Duration sessionIdle,
        double reprocessShare,
        int maskInlineMaxBytes,
        ResultCacheSettings resultCache) {

    /** Two threads, 64 Mi voxels, half the heap, ten minutes and one of grace, ten idle minutes, a twentieth, no inline masks, no cache. */
    public static ExecutorSettings defaults() {
        return new ExecutorSettings(
                2,
                64 << 20,
                Runtime.getRuntime().maxMemory() / 2,
                Duration.ofMinutes(10),
                Duration.ofMinutes(1),
                Duration.ofMinutes(10),
                0.05,
                0,
                ResultCacheSettings.none());
    }

    public ExecutorSettings withDecodeThreads(int value) {
        return new ExecutorSettings(
                value,
                maxVoxels,
                memoryBytes,
                deviceTimeout,
                deviceGrace,
                sessionIdle,
                reprocessShare,
                maskInlineMaxBytes,
                resultCache);
    }

    public ExecutorSettings withMaxVoxels(int value) {
        return new ExecutorSettings(
                decodeThreads,
                value,
                memoryBytes,
                deviceTimeout,
                deviceGrace,
                sessionIdle,
                reprocessShare,
                maskInlineMaxBytes,
                resultCache);
    }

    public ExecutorSettings withMemoryBytes(long value) {
        return new ExecutorSettings(
                decodeThreads,
                maxVoxels,
                value,
                deviceTimeout,
                deviceGrace,
                sessionIdle,
                reprocessShare,
                maskInlineMaxBytes,
                resultCache);
    }

    /** @param grace see {@code deviceGrace} */
    public ExecutorSettings withDeviceTimeout(Duration timeout, Duration grace) {
        return new ExecutorSettings(
                decodeThreads,
                maxVoxels,
                memoryBytes,
                timeout,
                grace,
                sessionIdle,
                reprocessShare,
                maskInlineMaxBytes,
                resultCache);
    }

    public ExecutorSettings withSessionIdle(Duration value) {
        return new ExecutorSettings(
                decodeThreads,
                maxVoxels,
                memoryBytes,
                deviceTimeout,
                deviceGrace,
                value,
                reprocessShare,
                maskInlineMaxBytes,
                resultCache);
    }

    public ExecutorSettings withReprocessShare(double value) {
        return new ExecutorSettings(
                decodeThreads,
                maxVoxels,
                memoryBytes,
                deviceTimeout,
                deviceGrace,
                sessionIdle,
                value,
                maskInlineMaxBytes,
                resultCache);
    }

    public ExecutorSettings withMaskInlineMaxBytes(int value) {
        return new ExecutorSettings(
                decodeThreads,
                maxVoxels,
                memoryBytes,
                deviceTimeout,
                deviceGrace,
                sessionIdle,
                reprocessShare,
                value,
                resultCache);
    }

    public ExecutorSettings withResultCache(ResultCacheSettings value) {
        return new ExecutorSettings(
                decodeThreads,
                maxVoxels,
                memoryBytes,
                deviceTimeout,
                deviceGrace,
                sessionIdle,
                reprocessShare,
                maskInlineMaxBytes,
                value);
    }
}
