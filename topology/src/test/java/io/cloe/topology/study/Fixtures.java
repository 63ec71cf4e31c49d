package io.cloe.topology.study;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.InferenceFault;
import io.cloe.schemas.InferenceFaults;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceOutcome;
import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.JobScan;
import io.cloe.schemas.MaskReference;
import io.cloe.schemas.ModalityGating;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.ScanOperation;
import io.cloe.schemas.VolumeReference;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.topology.study.ModelFamilies.ModelFamily;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** Events, results and families for tests. */
public final class Fixtures {

    public static final Instant START = Instant.parse("2026-01-05T08:00:00Z");
    public static final List<String> MODALITIES = List.of("T1", "T1CE", "T2", "FLAIR");
    public static final ModelFamilies GLIOMA = ModelFamilies.of(List.of(new ModelFamily("brain-glioma", MODALITIES)));
    public static final ModelReference MODEL = new ModelReference("brain-glioma", "cloe", "1.0.0", "abc");

    static {
        // Builders copy records only of packages that Avro was told to trust, which the serde does when it is first
        // used.
        RecordSerde.of(ScanEvent.class);
    }

    private Fixtures() {}

    public static ScanEvent.Builder event(String studyId, String modality, int revision) {
        return ScanEvent.newBuilder()
                .setEventId(studyId + "/" + modality + "/" + revision)
                .setStudyId(studyId)
                .setModality(modality)
                .setOperation(revision == 0 ? ScanOperation.AVAILABLE : ScanOperation.REPLACED)
                .setScanRevision(revision)
                .setVolume(new VolumeReference("file:///in/" + modality + revision, "nifti", null, null))
                .setAvailableAt(START);
    }

    public static ScanEvent scan(String studyId, String modality) {
        return event(studyId, modality, 0).build();
    }

    public static ScanEvent replaced(String studyId, String modality, int revision) {
        return event(studyId, modality, revision).build();
    }

    public static ScanEvent retracted(String studyId, String modality, int revision) {
        return event(studyId, modality, revision)
                .setEventId(studyId + "/" + modality + "/" + revision + "/retracted")
                .setOperation(ScanOperation.RETRACTED)
                .setVolume(null)
                .build();
    }

    public static InferenceResult outcome(InferenceJob job, Instant finishedAt) {
        List<String> used = job.getScans().stream()
                .map(JobScan::getScan)
                .map(scan -> scan.getModality())
                .toList();
        InferenceOutcome outcome = InferenceOutcome.newBuilder()
                .setModel(MODEL)
                .setMask(MaskReference.newBuilder()
                        .setUri("file:///masks/" + job.getRevision())
                        .setSha256("00")
                        .setSizeBytes(1)
                        .setLabelScheme("brats-2023")
                        .setDims(List.of(2, 2, 2))
                        .setAffine(List.of(1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0))
                        .build())
                .setVolumesMl(Map.of("WT", 1.0))
                .setGating(used.stream()
                        .map(modality -> ModalityGating.newBuilder()
                                .setModality(modality)
                                .setWeight(1.0 / used.size())
                                .setWeightSpread(0)
                                .build())
                        .toList())
                .setGateActed(used.size() > 2)
                .setFlags(List.of())
                .setTimingsMs(Map.of("infer", 7L))
                .setInputDigest("d")
                .setFinishedAt(finishedAt)
                .build();
        return new InferenceResult(job.getJobId(), job.getStudyId(), outcome);
    }

    public static InferenceResult fault(
            InferenceJob job, String modality, FailureReason reason, boolean retriable, Instant at) {
        return new InferenceResult(
                job.getJobId(),
                job.getStudyId(),
                new InferenceFaults(List.of(new InferenceFault(modality, reason, retriable)), at));
    }
}
