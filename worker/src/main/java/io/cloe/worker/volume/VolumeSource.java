package io.cloe.worker.volume;

import io.cloe.schemas.VolumeReference;
import java.util.Optional;

/** Where volumes come from. Implementations serve several threads at once. */
public interface VolumeSource {
    /**
     * Loads a volume and verifies what the reference says of its bytes.
     *
     * @throws VolumeException with the reason that a volume cannot be had: VOLUME_FORBIDDEN, VOLUME_NOT_FOUND (retriable),
     *     VOLUME_IO (retriable), CHECKSUM_MISMATCH, VOLUME_CORRUPT, VOLUME_UNSUPPORTED or STUDY_TOO_LARGE
     */
    LoadedVolume load(VolumeReference reference) throws VolumeException;

    /**
     * Where a volume's voxels lie, from its header alone, so that memory can be planned before it is read; empty if the source cannot
     * tell for less than a load. A study whose size is not known is planned as the largest that is allowed.
     *
     * @throws VolumeException as {@link #load}, where it shows this early
     */
    default Optional<Grid> grid(VolumeReference reference) throws VolumeException {
        return Optional.empty();
    }
}
