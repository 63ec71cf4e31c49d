package io.cloe.worker.masks;

import java.time.Instant;

/**
 * A file that lies in a mask store.
 *
 * @param name relative path, as {@link MaskName#path} gives it; of a write that a killed worker left unfinished, whatever it is called
 * @param modified when it was written, or found again by a replay that came to the same mask
 * @param bytes its length
 * @param unfinished whether it is the leftover of a write, which no result can refer to
 */
public record StoredMask(String name, Instant modified, long bytes, boolean unfinished) {}
