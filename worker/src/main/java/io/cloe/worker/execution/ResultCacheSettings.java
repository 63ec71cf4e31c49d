package io.cloe.worker.execution;

import java.nio.file.Path;
import java.util.Optional;

/**
 * How much is remembered of former results.
 *
 * @param entries results kept in memory; 0 for none
 * @param directory where results are kept over restarts; empty for nowhere. Several workers may share one
 * @param mostBytes what the files in the directory may take together
 */
public record ResultCacheSettings(int entries, Optional<Path> directory, long mostBytes) {

    /** Nothing is remembered. */
    public static ResultCacheSettings none() {
        return inMemory(0);
    }

    /** Only in memory. */
    public static ResultCacheSettings inMemory(int entries) {
        return new ResultCacheSettings(entries, Optional.empty(), 0);
    }
}
