package io.cloe.worker.results;

import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.Segmentation;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.apache.avro.specific.SpecificRecord;

/** Brings the two records of a result together; they come from two topics, in either order. */
public final class ResultPairing {

    private final Map<String, Segmentation> segmentations = new HashMap<>();
    private final Map<String, GatingWeights> weights = new HashMap<>();

    /**
     * A whole result.
     *
     * @param segmentation the result
     * @param weights its weights
     */
    public record Result(Segmentation segmentation, GatingWeights weights) {}

    /** Takes a record of any output topic; gives the result that it completes. */
    public Optional<Result> add(SpecificRecord output) {
        if (output instanceof Segmentation segmentation) {
            return complete(key(segmentation.getStudyId(), segmentation.getRevision()), segmentation, null);
        }
        if (output instanceof GatingWeights gating) {
            return complete(key(gating.getStudyId(), gating.getRevision()), null, gating);
        }
        return Optional.empty();
    }

    private Optional<Result> complete(String key, Segmentation segmentation, GatingWeights gating) {
        Segmentation left = segmentation == null ? segmentations.remove(key) : segmentation;
        GatingWeights right = gating == null ? weights.remove(key) : gating;
        if (left != null && right != null) {
            return Optional.of(new Result(left, right));
        }
        if (left != null) {
            segmentations.put(key, left);
        } else {
            weights.put(key, right);
        }
        return Optional.empty();
    }

    private static String key(String studyId, int revision) {
        return studyId + '#' + revision;
    }
}
