package io.cloe.worker.volume;

import io.cloe.schemas.VolumeReference;

/** Where volumes come from. Implementations serve several threads at once. */
public interface VolumeSource {
    /**
     * Loads a volume and verifies what the reference says of its bytes.
     *
     * @throws VolumeException with the reason that a volume cannot be had: VOLUME_FORBIDDEN, VOLUME_NOT_FOUND (retriable),
     *     VOLUME_IO (retriable), CHECKSUM_MISMATCH, VOLUME_CORRUPT, VOLUME_UNSUPPORTED or STUDY_TOO_LARGE
     */
    LoadedVolume load(VolumeReference reference) throws VolumeException;
}
