package io.cloe.topology.study;

import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyFailure;
import java.util.List;
import java.util.Optional;

/**
 * What one input does to a study.
 *
 * @param before the study as it was; empty for an unknown one
 * @param after the study as it is now; empty when nothing is kept of it
 * @param publication a result to publish
 * @param toTell the study whose status is to be published; empty when there is nothing new to tell
 * @param failures failures to publish
 * @param counted what to count
 */
public record Transition(
        Optional<Study> before,
        Optional<Study> after,
        Optional<Publication> publication,
        Optional<Study> toTell,
        List<StudyFailure> failures,
        List<Counted> counted) {

    /**
     * The two records of a result; they are committed together.
     *
     * @param segmentation the result
     * @param gatingWeights its weights
     */
    public record Publication(Segmentation segmentation, GatingWeights gatingWeights) {}

    /** Nothing changes but a counter. */
    static Transition ignored(Optional<Study> study, Counted counted) {
        return new Transition(study, study, Optional.empty(), Optional.empty(), List.of(), List.of(counted));
    }

    /** What it changes. */
    public Difference difference() {
        return new Difference(before, after);
    }
}
