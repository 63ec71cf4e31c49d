package io.cloe.worker.admin;

import io.cloe.worker.masks.MaskStoreException;
import java.net.URI;

/** Reads masks, and cannot write any. */
interface MaskReader {

    /** @throws MaskStoreException if it cannot be read */
    byte[] read(URI location) throws MaskStoreException;
}
