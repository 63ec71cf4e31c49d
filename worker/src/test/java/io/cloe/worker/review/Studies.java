package io.cloe.worker.review;

import io.cloe.schemas.AbsenceReason;
import io.cloe.schemas.AbsentModality;
import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.HistoryEntry;
import io.cloe.schemas.MaskReference;
import io.cloe.schemas.ModalityGating;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.QaFeedback;
import io.cloe.schemas.QaVerdict;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.ScanOperation;
import io.cloe.schemas.ScanReference;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyPhase;
import io.cloe.schemas.StudyStatus;
import io.cloe.schemas.Trigger;
import io.cloe.schemas.VolumeReference;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Records of studies, for tests. */
public final class Studies {

    public static final Instant START = Instant.parse("2026-01-05T08:00:00Z");
    private static final List<String> ALL = List.of("T1", "T1CE", "T2", "FLAIR");
    private static final ModelReference MODEL = new ModelReference("brain-glioma", "cloe", "1.0.0", "0123456789abcdef");

    private Studies() {}

    public static StudyStatus status(String id, StudyPhase phase, Instant updatedAt, List<String> present) {
        return StudyStatus.newBuilder()
                .setStudyId(id)
                .setFamily("brain-glioma")
                .setPhase(phase)
                .setReason(phase == StudyPhase.FAILED ? "NO_USABLE_SCAN" : "COMPLETE")
                .setPresent(present)
                .setMissing(missing(present))
                .setHistory(List.of(HistoryEntry.newBuilder()
                        .setAt(START)
                        .setWhat("SCAN_AVAILABLE")
                        .setModality("T1")
                        .setEventId(event(id, "T1"))
                        .build()))
                .setUpdatedAt(updatedAt)
                .build();
    }

    /** Event ids as the scans below have them. */
    public static String event(String id, String modality) {
        return id + "/" + modality;
    }

    public static ScanEvent scan(String id, String modality, String uri) {
        return ScanEvent.newBuilder()
                .setEventId(event(id, modality))
                .setStudyId(id)
                .setModality(modality)
                .setOperation(ScanOperation.AVAILABLE)
                .setVolume(new VolumeReference(uri, "nifti", null, null))
                .setAvailableAt(START)
                .build();
    }

    public static ScanEvent retraction(String id, String modality) {
        return ScanEvent.newBuilder()
                .setEventId(event(id, modality) + "-retracted")
                .setStudyId(id)
                .setModality(modality)
                .setOperation(ScanOperation.RETRACTED)
                .setAvailableAt(START)
                .build();
    }

    public static Segmentation segmentation(String id, int revision, List<String> used, String... flags) {
        return Segmentation.newBuilder()
                .setStudyId(id)
                .setRevision(revision)
                .setSupersedes(revision == 0 ? null : revision - 1)
                .setTrigger(revision == 0 ? used.size() == 4 ? Trigger.COMPLETE : Trigger.DEADLINE : Trigger.LATE_SCAN)
                .setUsed(used.stream()
                        .map(modality -> new ScanReference(modality, event(id, modality), 0))
                        .toList())
                .setMissing(missing(used).stream()
                        .map(modality -> new AbsentModality(modality, AbsenceReason.NOT_RECEIVED, null))
                        .toList())
                .setModel(MODEL)
                .setMask(MaskReference.newBuilder()
                        .setUri("file:///secret-place/" + id + "/r" + revision)
                        .setSha256("sha-of-" + id + revision)
                        .setSizeBytes(4)
                        .setLabelScheme("brats-2023: NCR 1, ED 2, ET 3")
                        .setDims(List.of(2, 2, 2))
                        .setAffine(List.of(1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0))
                        .build())
                .setVolumesMl(Map.of("WT", 60.0, "TC", 25.0, "ET", 0.0, "NCR", 25.0, "ED", 35.0))
                .setFlags(List.of(flags))
                .setTimingsMs(Map.of("total", 2_345L, "infer", 700L))
                .setInputDigest("d")
                .setOpenedAt(START)
                .setQueuedAt(START.plusSeconds(60))
                .setFinishedAt(START.plusSeconds(63 + revision))
                .build();
    }

    public static Segmentation withVolumes(Segmentation segmentation, Map<String, Double> volumesMl) {
        return Segmentation.newBuilder(segmentation).setVolumesMl(volumesMl).build();
    }

    public static Segmentation withMask(Segmentation segmentation, String uri, String sha256) {
        return Segmentation.newBuilder(segmentation)
                .setMask(MaskReference.newBuilder(segmentation.getMask())
                        .setUri(uri)
                        .setSha256(sha256)
                        .build())
                .build();
    }

    public static GatingWeights weights(String id, int revision, List<String> used, double consistency) {
        List<ModalityGating> gating = new ArrayList<>();
        double total = used.size() * (used.size() + 1) / 2.0;
        for (int i = 0; i < used.size(); i++) {
            boolean defined = used.size() > 2;
            gating.add(new ModalityGating(
                    used.get(i),
                    (i + 1) / total,
                    0.02,
                    defined ? consistency : null,
                    defined ? consistency - 0.05 * i : null,
                    defined ? 0.01 : null,
                    defined ? 0.01 : null));
        }
        return GatingWeights.newBuilder()
                .setStudyId(id)
                .setRevision(revision)
                .setModel(MODEL)
                .setModalities(gating)
                .setMissing(missing(used))
                .setGateActed(used.size() > 2)
                .setFlags(List.of())
                .build();
    }

    public static QaFeedback feedback(String id, int revision, QaVerdict verdict, String reason) {
        return QaFeedback.newBuilder()
                .setFeedbackId("feedback-" + id)
                .setStudyId(id)
                .setRevision(revision)
                .setVerdict(verdict)
                .setReason(reason)
                .setGivenAt(START.plusSeconds(100))
                .build();
    }

    private static List<String> missing(List<String> used) {
        return ALL.stream().filter(modality -> !used.contains(modality)).toList();
    }
}
