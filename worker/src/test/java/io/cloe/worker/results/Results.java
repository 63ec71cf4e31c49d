package io.cloe.worker.results;

import io.cloe.schemas.AbsenceReason;
import io.cloe.schemas.AbsentModality;
import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.MaskReference;
import io.cloe.schemas.ModalityGating;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.ScanReference;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.Trigger;
import io.cloe.schemas.serde.RecordSerde;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** Output records for tests. */
final class Results {

    private static final ModelReference MODEL = new ModelReference("brain-glioma", "cloe", "1.0.0", "abc");
    private static final List<AbsentModality> MISSING =
            List.of(new AbsentModality("T2", AbsenceReason.NOT_RECEIVED, null));

    static {
        trustRecords();
    }

    private Results() {}

    /** Builders copy records only of packages that Avro was told to trust, which the serde does when it is first used. */
    static void trustRecords() {
        RecordSerde.of(Segmentation.class);
    }

    static Segmentation segmentation(String studyId, int revision) {
        return Segmentation.newBuilder()
                .setStudyId(studyId)
                .setRevision(revision)
                .setTrigger(Trigger.DEADLINE)
                .setUsed(List.of(new ScanReference("T1", "event-1", 0), new ScanReference("FLAIR", "event-2", 1)))
                .setMissing(MISSING)
                .setModel(MODEL)
                .setMask(MaskReference.newBuilder()
                        .setUri("file:///masks/1")
                        .setSha256("00")
                        .setSizeBytes(4)
                        .setInline(ByteBuffer.wrap("mask".getBytes(StandardCharsets.US_ASCII)))
                        .setLabelScheme("brats-2023")
                        .setDims(List.of(2, 2, 2))
                        .setAffine(List.of(1.0, 0.5))
                        .build())
                .setVolumesMl(Map.of("WT", 12.34, "ET", 0.0, "NCR", 3.0))
                .setFlags(List.of("SMALL_REGION"))
                .setTimingsMs(Map.of("total", 2_345L, "infer", 7L))
                .setInputDigest("d")
                .setOpenedAt(Instant.parse("2026-01-05T08:00:00Z"))
                .setQueuedAt(Instant.parse("2026-01-05T08:00:01Z"))
                .setFinishedAt(Instant.parse("2026-01-05T08:00:02.345Z"))
                .build();
    }

    static GatingWeights weights(String studyId, int revision, ModalityGating... modalities) {
        return GatingWeights.newBuilder()
                .setStudyId(studyId)
                .setRevision(revision)
                .setModel(MODEL)
                .setModalities(List.of(modalities))
                .setMissing(List.of("T2"))
                .setGateActed(modalities.length > 2)
                .setFlags(List.of())
                .build();
    }

    static ModalityGating gating(String modality, double weight, Double global, Double regional) {
        return new ModalityGating(modality, weight, 0.01, global, regional, null, null);
    }
}
