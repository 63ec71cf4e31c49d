package io.cloe.worker.sweep;

import io.cloe.worker.masks.StoredMask;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a sweep would do with each file of a mask store.
 *
 * @param orphans nobody refers to these, and nobody will: they may go
 * @param referenced how many masks a result refers to
 * @param young how many are too young to tell: their result may be on its way
 * @param unknown how many are as old as results that are no longer in the topic, or may have been superseded in it: they stay
 */
public record SweepPlan(List<StoredMask> orphans, int referenced, int young, int unknown) {

    /** How far the clocks of workers, brokers and the mask store may differ. */
    static final Duration CLOCKS_DIFFER = Duration.ofHours(1);

    private static final Pattern REVISION = Pattern.compile("(?<folder>.+)/r(?<revision>[0-9]+)-.*");

    /**
     * Judges every file.
     *
     * @param stored listed before the references were read: what is committed in between then counts
     * @param olderThan files modified at this time or later are left alone
     */
    public static SweepPlan of(List<StoredMask> stored, References references, Instant olderThan) {
        List<StoredMask> orphans = new ArrayList<>();
        int referenced = 0;
        int young = 0;
        int unknown = 0;
        for (StoredMask mask : stored) {
            if (references.names().contains(mask.name())) {
                referenced++;
            } else if (!mask.modified().isBefore(olderThan)) {
                young++;
            } else if (!mask.unfinished() && mayHaveBeenReferred(mask, references)) {
                unknown++;
            } else {
                orphans.add(mask);
            }
        }
        return new SweepPlan(List.copyOf(orphans), referenced, young, unknown);
    }

    private static boolean mayHaveBeenReferred(StoredMask mask, References references) {
        boolean fromBefore = references
                .knownSince()
                .map(since -> mask.modified().minus(CLOCKS_DIFFER).isBefore(since))
                .orElse(false);
        return fromBefore || references.newestOnly() && superseded(mask, references);
    }

    private static boolean superseded(StoredMask mask, References references) {
        Matcher name = REVISION.matcher(mask.name());
        if (!name.matches()) {
            return true; // nothing that can be said of it
        }
        Integer newest = references.newestRevisions().get(name.group("folder"));
        return newest != null
                && name.group("revision").length() < 10
                && Integer.parseInt(name.group("revision")) < newest;
    }
}
