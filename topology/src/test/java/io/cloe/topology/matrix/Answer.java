package io.cloe.topology.matrix;

import io.cloe.schemas.ScanReference;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.Trigger;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * What came out for a study, once.
 *
 * @param studyId the study
 * @param revision its how-manieth result, from 0
 * @param trigger why it ran; empty where that is not told
 * @param used revision of each scan used, by modality
 */
public record Answer(String studyId, int revision, Optional<Trigger> trigger, Map<String, Integer> used) {

    /** A published result. */
    public static Answer of(Segmentation result) {
        Map<String, Integer> used = result.getUsed().stream()
                .collect(Collectors.toMap(
                        ScanReference::getModality, ScanReference::getScanRevision, (a, b) -> a, TreeMap::new));
        return new Answer(result.getStudyId(), result.getRevision(), Optional.of(result.getTrigger()), used);
    }

    @Override
    public String toString() {
        return trigger.map(Enum::name).orElse("RESULT") + " " + revision + " " + used;
    }
}
