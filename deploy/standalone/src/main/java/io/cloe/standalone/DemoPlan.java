package io.cloe.standalone;

import io.cloe.schemas.ScanReference;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.Trigger;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** What the demo submits, and which results must come of it. */
final class DemoPlan {

    private static final List<String> ALL = List.of("T1", "T1CE", "T2", "FLAIR");

    /** In the order of submission; each uses a phantom of its own. */
    static final List<Study> STUDIES = List.of(
            new Study("complete", ALL, List.of()),
            new Study("three-of-four", List.of("T1CE", "T2", "FLAIR"), List.of()),
            new Study("two-of-four", List.of("T1CE", "FLAIR"), List.of()),
            new Study("one-of-four", List.of("FLAIR"), List.of()),
            new Study("late-scan", List.of("T1", "T2", "FLAIR"), List.of("T1CE")));

    private DemoPlan() {}

    /**
     * One study of the demo.
     *
     * @param id its study id
     * @param first modalities that come at once
     * @param late modalities that come after the first result
     */
    record Study(String id, List<String> first, List<String> late) {

        boolean complete() {
            return first.size() == ALL.size();
        }
    }

    /**
     * A result that must come.
     *
     * @param studyId the study
     * @param revision its revision
     * @param trigger why it ran
     * @param used modalities used
     */
    record Expected(String studyId, int revision, Trigger trigger, Set<String> used) {

        static Expected of(Segmentation segmentation) {
            Set<String> used = segmentation.getUsed().stream()
                    .map(ScanReference::getModality)
                    .collect(Collectors.toCollection(TreeSet::new));
            return new Expected(segmentation.getStudyId(), segmentation.getRevision(), segmentation.getTrigger(), used);
        }
    }

    /** All results that must come, and no others. */
    static List<Expected> expected() {
        List<Expected> expected = new ArrayList<>();
        for (Study study : STUDIES) {
            Trigger trigger = study.complete() ? Trigger.COMPLETE : Trigger.DEADLINE;
            expected.add(new Expected(study.id(), 0, trigger, new TreeSet<>(study.first())));
            if (!study.late().isEmpty()) {
                Set<String> both = new TreeSet<>(study.first());
                both.addAll(study.late());
                expected.add(new Expected(study.id(), 1, Trigger.LATE_SCAN, both));
            }
        }
        return expected;
    }
}
