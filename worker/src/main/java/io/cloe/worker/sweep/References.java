package io.cloe.worker.sweep;

import io.cloe.worker.masks.MaskName;
import java.net.URI;
import java.net.URISyntaxException;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The masks that results refer to, and how far back that is known.
 *
 * @param names relative paths of masks that a committed result refers to, or one that is on its way
 * @param newestRevisions newest committed revision by folder of a study's masks
 * @param knownSince results before this time may have left the topic; empty if it holds all that there ever were
 * @param newestOnly whether the topic is compacted, so that only a study's newest revision is sure to be in it
 */
public record References(
        Set<String> names, Map<String, Integer> newestRevisions, Optional<Instant> knownSince, boolean newestOnly) {

    /** Copies the collections. */
    public References {
        names = Set.copyOf(names);
        newestRevisions = Map.copyOf(newestRevisions);
    }

    /** Collects references as records are read. For one thread. */
    public static final class Collector {

        private final Set<String> names = new HashSet<>();
        private final Map<String, Integer> newestRevisions = new HashMap<>();
        private Instant knownSince = Instant.MIN;
        private boolean newestOnly;

        /** A committed result. */
        public void committed(String studyId, int revision, String maskUri) {
            names.add(nameOf(maskUri));
            newestRevisions.merge(MaskName.folder(studyId), revision, Math::max);
        }

        /** A result that may yet be committed. */
        public void onItsWay(String maskUri) {
            names.add(nameOf(maskUri));
        }

        /** Results before this time may be missing. */
        public void knownSince(Instant time) {
            knownSince = time.isAfter(knownSince) ? time : knownSince;
        }

        /** Only a study's newest revision is sure to be there. */
        public void newestOnly() {
            newestOnly = true;
        }

        /** All that was collected. */
        public References references() {
            return new References(
                    names,
                    newestRevisions,
                    knownSince.equals(Instant.MIN) ? Optional.empty() : Optional.of(knownSince),
                    newestOnly);
        }

        /**
         * The last two segments of the location, which are the mask's name: where the store is mounted, and under which alias, may
         * differ between the worker and whoever sweeps.
         */
        private static String nameOf(String maskUri) {
            String path;
            try {
                path = new URI(maskUri).getPath();
            } catch (URISyntaxException e) {
                throw new IllegalArgumentException("a result refers to a mask by something that is no URI");
            }
            int name = path == null ? -1 : path.lastIndexOf('/');
            if (name < 1) {
                throw new IllegalArgumentException("a result refers to a mask by something that is no mask's URI");
            }
            return path.substring(path.lastIndexOf('/', name - 1) + 1);
        }
    }
}
