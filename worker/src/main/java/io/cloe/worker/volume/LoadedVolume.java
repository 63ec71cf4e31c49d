package io.cloe.worker.volume;

/**
 * A volume with the identity of the file it came from.
 *
 * @param volume the voxels
 * @param sha256 digest over all bytes of the file, lower-case hex
 * @param sizeBytes length of the file
 */
public record LoadedVolume(Volume volume, String sha256, long sizeBytes) {}
