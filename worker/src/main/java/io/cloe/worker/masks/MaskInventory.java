package io.cloe.worker.masks;

import java.time.Instant;
import java.util.List;

/** What lies in a mask store, and how what nobody refers to leaves it. For one thread, beside any number of workers. */
public interface MaskInventory {

    /**
     * Everything that the project's workers have put there; other files are not mentioned.
     *
     * @throws MaskStoreException if the store cannot be read
     */
    List<StoredMask> list() throws MaskStoreException;

    /**
     * Puts back what a sweep that was killed had taken out and not yet deleted. To be called before a sweep deletes anything.
     *
     * @throws MaskStoreException if the store cannot be written to
     */
    void recover() throws MaskStoreException;

    /**
     * Deletes a file, unless a worker has meanwhile found it again for a job that it does anew.
     *
     * @param olderThan what was modified at this time or later stays
     * @return whether it was deleted
     * @throws MaskStoreException if it cannot be deleted
     */
    boolean delete(StoredMask mask, Instant olderThan) throws MaskStoreException;
}
