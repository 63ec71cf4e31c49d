package io.cloe.worker.execution;

/**
 * Sizes of the executor.
 *
 * @param decodeThreads studies read at a time, at least 1
 * @param maxVoxels voxels of the largest volume
 * @param maskInlineMaxBytes masks up to this size also travel in the result
 * @param resultCacheEntries results kept in memory
 */
public record ExecutorSettings(int decodeThreads, int maxVoxels, int maskInlineMaxBytes, int resultCacheEntries) {}
