package io.cloe.worker.volume;

/**
 * A finished mask file.
 *
 * @param bytes the gzip file; handed over, not to be written to
 * @param sha256 digest of the bytes, lower-case hex
 */
public record MaskFile(byte[] bytes, String sha256) {}
