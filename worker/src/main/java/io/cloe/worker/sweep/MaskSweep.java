package io.cloe.worker.sweep;

import io.cloe.worker.masks.MaskInventory;
import io.cloe.worker.masks.MaskStoreException;
import io.cloe.worker.masks.StoredMask;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * Deletes masks that no result refers to: what a killed worker had written and nobody heard of, and what a result referred to that the
 * study had moved on from. Runs beside workers. It must be told of <em>every</em> result that refers into the store.
 */
public final class MaskSweep {

    /** The least age: clocks differ, and a result takes its time from the store to the topic. */
    public static final Duration LEAST_AGE = SweepPlan.CLOCKS_DIFFER;

    private final MaskInventory masks;
    private final ReferenceSource references;

    /** Where references come from. */
    @FunctionalInterface
    public interface ReferenceSource {

        /** All references at this moment, those of results that are on their way included. */
        References read() throws Exception;
    }

    /**
     * @param masks what is swept
     * @param references of all results that may refer to it
     */
    public MaskSweep(MaskInventory masks, ReferenceSource references) {
        this.masks = masks;
        this.references = references;
    }

    /**
     * Finds out what would be deleted; deletes nothing.
     *
     * @param olderThan files modified at this time or later are left alone
     * @throws Exception what reading the references threw, or a {@link MaskStoreException}
     */
    public SweepPlan plan(Instant olderThan) throws Exception {
        // In this order: what is committed after the listing is among the references.
        List<StoredMask> stored = masks.list();
        return SweepPlan.of(stored, references.read(), olderThan);
    }

    /**
     * Deletes what is orphaned.
     *
     * @param plan made for the same time
     * @param olderThan as for the plan
     * @return what was deleted; what a worker found again meanwhile is not among it
     * @throws UnrelatedTopicsException if the plan has orphans and not one referenced mask: the topics are another deployment's, or empty
     * @throws MaskStoreException if the store fails; what was deleted until then stays deleted
     */
    public List<StoredMask> delete(SweepPlan plan, Instant olderThan)
            throws MaskStoreException, UnrelatedTopicsException {
        boolean masksAmongThem = plan.orphans().stream().anyMatch(orphan -> !orphan.unfinished());
        if (masksAmongThem && plan.referenced() == 0) {
            throw new UnrelatedTopicsException();
        }
        masks.recover();
        List<StoredMask> deleted = new ArrayList<>();
        for (StoredMask orphan : plan.orphans()) {
            if (masks.delete(orphan, olderThan)) {
                deleted.add(orphan);
            }
        }
        return List.copyOf(deleted);
    }
}
