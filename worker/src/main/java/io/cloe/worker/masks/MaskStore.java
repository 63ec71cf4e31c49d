package io.cloe.worker.masks;

import io.cloe.worker.volume.MaskFile;
import java.net.URI;

/** Keeps masks. Implementations serve several threads at once. */
public interface MaskStore {

    /**
     * Creates a mask, or finds it there already with the same bytes: writing twice does no harm.
     *
     * @return where the mask lies
     * @throws MaskStoreException if it cannot be written, or if other bytes lie under the same name
     */
    URI create(MaskName name, MaskFile mask) throws MaskStoreException;

    /**
     * Reads a mask.
     *
     * @param location a location that {@link #create} gave
     * @throws MaskStoreException if it cannot be read
     */
    byte[] read(URI location) throws MaskStoreException;
}
