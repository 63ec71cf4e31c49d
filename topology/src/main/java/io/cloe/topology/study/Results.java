package io.cloe.topology.study;

import io.cloe.schemas.AbsenceReason;
import io.cloe.schemas.AbsentModality;
import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceOutcome;
import io.cloe.schemas.JobScan;
import io.cloe.schemas.MaskReference;
import io.cloe.schemas.ModalityGating;
import io.cloe.schemas.PublishedResult;
import io.cloe.schemas.ScanReference;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyStatus;
import io.cloe.schemas.Trigger;
import io.cloe.topology.study.Transition.Publication;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** The records that tell the world about a study. */
final class Results {

    /** Review flag: a scan arrived but its volume could not be used. */
    static final String MODALITY_UNUSABLE = "MODALITY_UNUSABLE";

    private Results() {}

    static Publication publication(
            Study study, InferenceJob job, InferenceOutcome outcome, Trigger decision, List<String> modalities) {
        List<ScanReference> used = used(job);
        List<AbsentModality> missing = missing(study, used, modalities);
        List<String> flags = new ArrayList<>(outcome.getFlags());
        if (missing.stream().anyMatch(absent -> absent.getReason() == AbsenceReason.UNUSABLE)) {
            flags.add(MODALITY_UNUSABLE);
        }
        Segmentation segmentation = Segmentation.newBuilder()
                .setStudyId(study.id())
                .setRevision(job.getRevision())
                .setSupersedes(
                        job.getPrevious() == null ? null : job.getPrevious().getRevision())
                .setTrigger(job.getTrigger())
                .setUsed(used)
                .setMissing(missing)
                .setModel(outcome.getModel())
                .setMask(outcome.getMask())
                .setVolumesMl(outcome.getVolumesMl())
                .setFlags(flags)
                .setChange(outcome.getChange())
                .setTimingsMs(timings(job, outcome))
                .setInputDigest(outcome.getInputDigest())
                .setOpenedAt(study.openedAt())
                .setQueuedAt(job.getQueuedAt())
                .setFinishedAt(outcome.getFinishedAt())
                .setTraceparent(job.getTraceparent())
                .setDecision(job.getTrigger() == Trigger.REPROCESS ? decision : null)
                .build();
        GatingWeights weights = GatingWeights.newBuilder()
                .setStudyId(study.id())
                .setRevision(job.getRevision())
                .setModel(outcome.getModel())
                .setModalities(outcome.getGating())
                .setMissing(missing.stream().map(AbsentModality::getModality).toList())
                .setGateActed(outcome.getGateActed())
                .setFlags(flags)
                .build();
        return new Publication(segmentation, weights);
    }

    /** What is kept of a result; the mask's bytes are not. */
    static PublishedResult published(InferenceJob job, InferenceOutcome outcome, Trigger decision, Instant now) {
        return PublishedResult.newBuilder()
                .setRevision(job.getRevision())
                .setUsed(used(job))
                .setMask(withoutBytes(outcome.getMask()))
                .setModel(outcome.getModel())
                .setWeights(outcome.getGating().stream()
                        .collect(Collectors.toMap(
                                ModalityGating::getModality, ModalityGating::getWeight, (a, b) -> a, TreeMap::new)))
                .setPublishedAt(now)
                .setDecision(decision)
                .setVolumesMl(outcome.getVolumesMl())
                .setConsistency(consistency(outcome.getGating()))
                .setFlags(outcome.getFlags())
                .setTimingsMs(outcome.getTimingsMs())
                .build();
    }

    /** Global consistency of the modalities that have one. */
    static Map<String, Double> consistency(List<ModalityGating> gating) {
        Map<String, Double> known = new TreeMap<>();
        for (ModalityGating one : gating) {
            if (one.getConsistencyGlobal() != null) {
                known.put(one.getModality(), one.getConsistencyGlobal());
            }
        }
        return known;
    }

    static MaskReference withoutBytes(MaskReference mask) {
        return new MaskReference(
                mask.getUri(),
                mask.getSha256(),
                mask.getSizeBytes(),
                null,
                mask.getFormat(),
                mask.getLabelScheme(),
                mask.getDims(),
                mask.getAffine());
    }

    static StudyStatus status(Study study, Collection<String> modalities, Instant now) {
        SortedSet<String> present = study.usableModalities();
        TreeSet<String> missing = new TreeSet<>(study.expected().isEmpty() ? modalities : study.expected());
        missing.removeAll(present);
        return new StudyStatus(
                study.id(),
                study.family(),
                study.phase(),
                study.reason().name(),
                study.current().map(PublishedResult::getRevision).orElse(null),
                study.deadline().orElse(null),
                List.copyOf(present),
                List.copyOf(missing),
                study.history(),
                now,
                study.rule().orElse(null));
    }

    private static List<ScanReference> used(InferenceJob job) {
        return job.getScans().stream().map(JobScan::getScan).toList();
    }

    private static List<AbsentModality> missing(Study study, List<ScanReference> used, List<String> modalities) {
        TreeSet<String> here =
                used.stream().map(ScanReference::getModality).collect(Collectors.toCollection(TreeSet::new));
        return modalities.stream()
                .filter(modality -> !here.contains(modality))
                .map(modality -> absent(modality, study.scans().get(modality)))
                .toList();
    }

    private static AbsentModality absent(String modality, Scan scan) {
        if (scan == null) {
            return new AbsentModality(modality, AbsenceReason.NOT_RECEIVED, null);
        }
        return new AbsentModality(
                modality,
                scan.retracted() ? AbsenceReason.RETRACTED : AbsenceReason.UNUSABLE,
                scan.reference().getEventId());
    }

    private static Map<String, Long> timings(InferenceJob job, InferenceOutcome outcome) {
        Map<String, Long> timings = new TreeMap<>(outcome.getTimingsMs());
        // Not a Duration, which refuses absurd times; never negative, though the clock may have been set back
        // meanwhile.
        long total = outcome.getFinishedAt().toEpochMilli() - job.getQueuedAt().toEpochMilli();
        timings.put("total", Math.max(0, total));
        return timings;
    }
}
