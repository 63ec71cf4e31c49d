package io.cloe.worker.results;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.AbsenceReason;
import io.cloe.schemas.AbsentModality;
import io.cloe.schemas.FailureReason;
import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.HistoryEntry;
import io.cloe.schemas.MaskReference;
import io.cloe.schemas.ModalityGating;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.RevisionChange;
import io.cloe.schemas.ScanReference;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyFailure;
import io.cloe.schemas.StudyPhase;
import io.cloe.schemas.StudyStatus;
import io.cloe.schemas.Trigger;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class StudyStoryTest {

    private static final Instant WHEN = Instant.parse("2026-01-05T08:00:00Z");
    private static final ModelReference MODEL = new ModelReference("brain-glioma", "cloe", "1.0.0", "abc");

    @Test
    void shouldBeEmptyWhenNothingIsKnown() {
        assertThat(StudyStory.of(List.of()).isEmpty()).isTrue();
    }

    @Test
    void shouldKeepLastStatusAndEveryRevisionWhenOutputsAreRead() {
        StudyStory story = StudyStory.of(List.of(
                status(StudyPhase.COLLECTING),
                segmentation(0, null),
                weights(0),
                segmentation(1, change()),
                failure(),
                status(StudyPhase.SEGMENTED)));

        assertThat(story.status().orElseThrow().getPhase()).isEqualTo(StudyPhase.SEGMENTED);
        assertThat(story.revisions().keySet()).containsExactly(0, 1);
        assertThat(story.failures()).hasSize(1);
    }

    @Test
    void shouldTellOnOneScreenWhatCameAndWhy() {
        StudyStory story = StudyStory.of(List.of(
                status(StudyPhase.SEGMENTED), segmentation(0, null), weights(0), segmentation(1, change()), failure()));

        String text = new StoryText(ZoneOffset.UTC).of("study-1", story);

        assertThat(text)
                .contains("study     study-1 (brain-glioma)")
                .contains("stands    SEGMENTED since 2026-01-05 08:00:00.000: RESULT_PUBLISHED")
                .contains("SCAN_AVAILABLE   T1     revision 0, event e1")
                .contains("revision  0, DEADLINE")
                .contains("used    T1; missing T2 (NOT_RECEIVED)")
                .contains("weights T1 1.00 (by symmetry: the gate cannot act)")
                .contains("revision  1, DEADLINE, supersedes 0")
                .contains("change  Dice with the superseded mask WT 0.50; 7 voxels differ")
                .contains("failure   2026-01-05 08:00:00.000  VOLUME_CORRUPT T2, attempt 1");
        assertThat(text.lines()).hasSizeLessThan(40);
    }

    private static StudyStatus status(StudyPhase phase) {
        return StudyStatus.newBuilder()
                .setStudyId("study-1")
                .setFamily("brain-glioma")
                .setPhase(phase)
                .setReason("RESULT_PUBLISHED")
                .setPresent(List.of("T1"))
                .setMissing(List.of("T2"))
                .setHistory(List.of(new HistoryEntry(WHEN, "SCAN_AVAILABLE", "T1", "e1", "revision 0")))
                .setUpdatedAt(WHEN)
                .build();
    }

    private static Segmentation segmentation(int revision, RevisionChange change) {
        return Segmentation.newBuilder()
                .setStudyId("study-1")
                .setRevision(revision)
                .setSupersedes(revision == 0 ? null : revision - 1)
                .setTrigger(Trigger.DEADLINE)
                .setUsed(List.of(new ScanReference("T1", "e1", 0)))
                .setMissing(List.of(new AbsentModality("T2", AbsenceReason.NOT_RECEIVED, null)))
                .setModel(MODEL)
                .setMask(MaskReference.newBuilder()
                        .setUri("file:///masks/1")
                        .setSha256("00")
                        .setSizeBytes(1)
                        .setLabelScheme("brats-2023")
                        .setDims(List.of(1, 1, 1))
                        .setAffine(List.of(1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0))
                        .build())
                .setVolumesMl(Map.of("WT", 1.5))
                .setFlags(List.of())
                .setChange(change)
                .setTimingsMs(Map.of("total", 12L))
                .setInputDigest("d")
                .setOpenedAt(WHEN)
                .setQueuedAt(WHEN)
                .setFinishedAt(WHEN)
                .build();
    }

    private static RevisionChange change() {
        return new RevisionChange(Map.of("WT", 0.5), 7L, Map.of());
    }

    private static GatingWeights weights(int revision) {
        return GatingWeights.newBuilder()
                .setStudyId("study-1")
                .setRevision(revision)
                .setModel(MODEL)
                .setModalities(List.of(ModalityGating.newBuilder()
                        .setModality("T1")
                        .setWeight(1)
                        .setWeightSpread(0)
                        .build()))
                .setMissing(List.of("T2"))
                .setGateActed(false)
                .setFlags(List.of())
                .build();
    }

    private static StudyFailure failure() {
        return StudyFailure.newBuilder()
                .setStudyId("study-1")
                .setReason(FailureReason.VOLUME_CORRUPT)
                .setModality("T2")
                .setAttempt(1)
                .setRetriable(false)
                .setFailedAt(WHEN)
                .build();
    }
}
