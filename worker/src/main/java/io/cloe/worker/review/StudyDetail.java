package io.cloe.worker.review;

import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.QaFeedback;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyFailure;
import io.cloe.schemas.StudyStatus;
import io.cloe.schemas.VolumeReference;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * All that is remembered of one study.
 *
 * @param row its line in the list
 * @param status where it stands
 * @param revisions its results, oldest first
 * @param failures its failures, oldest first
 * @param volumes its volumes by the event that announced them; not those that were retracted
 */
public record StudyDetail(
        StudyRow row,
        Optional<StudyStatus> status,
        List<Revision> revisions,
        List<StudyFailure> failures,
        Map<String, VolumeReference> volumes) {

    /**
     * One result.
     *
     * @param segmentation the result
     * @param weights its weights; empty for the moment between the two records
     * @param feedback what a person last said about it
     */
    public record Revision(Segmentation segmentation, Optional<GatingWeights> weights, Optional<QaFeedback> feedback) {}

    /** A result by its revision. */
    public Optional<Revision> revision(int number) {
        return revisions.stream()
                .filter(revision -> revision.segmentation().getRevision() == number)
                .findFirst();
    }
}
