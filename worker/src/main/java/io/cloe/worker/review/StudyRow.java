package io.cloe.worker.review;

import io.cloe.schemas.QaVerdict;
import io.cloe.schemas.StudyPhase;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * One line of the list of studies.
 *
 * @param studyId the study
 * @param family its model family; empty until a status or a result told
 * @param phase where it stands
 * @param reason code that says why
 * @param revision its last revision, if it has one
 * @param trigger why that one ran
 * @param used modalities used for it, or present so far
 * @param missing modalities that took no part, or are waited for
 * @param volumesMl volumes of the last revision by region and class, ml
 * @param lowestConsistency smallest global or regional consistency of any modality
 * @param look why to look at it; without those that a verdict settled
 * @param verdict what a person said about the last revision
 * @param deadline until when it waits
 * @param updatedAt when it last changed
 */
public record StudyRow(
        String studyId,
        String family,
        StudyPhase phase,
        String reason,
        Optional<Integer> revision,
        Optional<String> trigger,
        List<String> used,
        List<String> missing,
        Map<String, Double> volumesMl,
        Optional<Double> lowestConsistency,
        Set<LookReason> look,
        Optional<QaVerdict> verdict,
        Optional<Instant> deadline,
        Instant updatedAt) {

    /** Sum over the reasons to look at it; 0 once a person gave a verdict on the revision that stands. */
    public int urgency() {
        return verdict.isPresent()
                ? 0
                : look.stream().mapToInt(LookReason::urgency).sum();
    }
}
