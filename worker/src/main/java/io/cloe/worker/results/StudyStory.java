package io.cloe.worker.results;

import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyFailure;
import io.cloe.schemas.StudyStatus;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.avro.specific.SpecificRecord;

/**
 * All that the output topics tell of one study.
 *
 * @param status where it stands; empty when the worker never heard of it
 * @param revisions its results by revision
 * @param weights their weights by revision
 * @param failures its failures, oldest first
 */
public record StudyStory(
        Optional<StudyStatus> status,
        SortedMap<Integer, Segmentation> revisions,
        SortedMap<Integer, GatingWeights> weights,
        List<StudyFailure> failures) {

    /** Puts a study's output records together, given in the order of each topic. */
    public static StudyStory of(List<SpecificRecord> outputs) {
        SortedMap<Integer, Segmentation> revisions = new TreeMap<>();
        SortedMap<Integer, GatingWeights> weights = new TreeMap<>();
        for (SpecificRecord output : outputs) {
            if (output instanceof Segmentation segmentation) {
                revisions.put(segmentation.getRevision(), segmentation);
            } else if (output instanceof GatingWeights gating) {
                weights.put(gating.getRevision(), gating);
            }
        }
        Optional<StudyStatus> last = outputs.stream()
                .filter(StudyStatus.class::isInstance)
                .map(StudyStatus.class::cast)
                .reduce((earlier, later) -> later);
        List<StudyFailure> failures = outputs.stream()
                .filter(StudyFailure.class::isInstance)
                .map(StudyFailure.class::cast)
                .toList();
        return new StudyStory(last, revisions, weights, failures);
    }

    /** Whether the output topics know the study at all. */
    public boolean isEmpty() {
        return status.isEmpty() && revisions.isEmpty() && failures.isEmpty();
    }
}
