package io.cloe.worker.review;

import io.cloe.schemas.AbsentModality;
import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.MaskReference;
import io.cloe.schemas.ModalityGating;
import io.cloe.schemas.QaFeedback;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.ScanOperation;
import io.cloe.schemas.ScanReference;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyFailure;
import io.cloe.schemas.StudyPhase;
import io.cloe.schemas.StudyStatus;
import io.cloe.schemas.VolumeReference;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.worker.review.StudyDetail.Revision;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.avro.specific.SpecificRecord;

/**
 * What is remembered of one study. Records are kept as Avro bytes, a fifth of what they take as objects; the line for the list is
 * made when it is asked for. Guarded by the catalogue.
 */
final class StudyEntry {

    private static final int MOST_REVISIONS = 32;
    private static final int MOST_FAILURES = 32;
    private static final int MOST_VOLUMES = 64;

    private static final RecordSerde<StudyStatus> STATUS = RecordSerde.of(StudyStatus.class);
    private static final RecordSerde<Segmentation> SEGMENTATION = RecordSerde.of(Segmentation.class);
    private static final RecordSerde<GatingWeights> WEIGHTS = RecordSerde.of(GatingWeights.class);
    private static final RecordSerde<StudyFailure> FAILURE = RecordSerde.of(StudyFailure.class);
    private static final RecordSerde<QaFeedback> FEEDBACK = RecordSerde.of(QaFeedback.class);

    private final String studyId;
    private byte[] status;
    private final TreeMap<Integer, byte[]> segmentations = new TreeMap<>();
    private final TreeMap<Integer, byte[]> weights = new TreeMap<>();
    private final TreeMap<Integer, byte[]> feedback = new TreeMap<>();
    private final Deque<byte[]> failures = new ArrayDeque<>(1);
    private final LinkedHashMap<String, ScanVolume> volumes = new LinkedHashMap<>(4);
    private final Map<String, Integer> retracted = new HashMap<>(1);
    private StudyRow row;
    private List<ModalityGating> latestGating = List.of();

    /**
     * Where a scan lies.
     *
     * @param modality its modality
     * @param scanRevision its revision
     * @param volume where
     */
    private record ScanVolume(String modality, int scanRevision, VolumeReference volume) {}

    StudyEntry(String studyId) {
        this.studyId = studyId;
    }

    void accept(SpecificRecord record) {
        row = null;
        if (record instanceof StudyStatus now) {
            status = STATUS.serialize(null, now);
        } else if (record instanceof Segmentation result) {
            put(segmentations, result.getRevision(), SEGMENTATION.serialize(null, withoutMask(result)));
        } else if (record instanceof GatingWeights gating) {
            put(weights, gating.getRevision(), WEIGHTS.serialize(null, gating));
        } else if (record instanceof QaFeedback verdict) {
            put(feedback, verdict.getRevision(), FEEDBACK.serialize(null, verdict));
        } else if (record instanceof StudyFailure failure) {
            failures.addLast(FAILURE.serialize(null, failure));
            if (failures.size() > MOST_FAILURES) {
                failures.removeFirst();
            }
        } else if (record instanceof ScanEvent event) {
            scan(event);
        }
    }

    private static void put(TreeMap<Integer, byte[]> records, int revision, byte[] record) {
        records.put(revision, record);
        if (records.size() > MOST_REVISIONS) {
            records.pollFirstEntry();
        }
    }

    /** The bytes of an inlined mask lie in the mask store as well. */
    private static Segmentation withoutMask(Segmentation result) {
        if (result.getMask().getInline() == null) {
            return result;
        }
        MaskReference withoutBytes =
                MaskReference.newBuilder(result.getMask()).setInline(null).build();
        return Segmentation.newBuilder(result).setMask(withoutBytes).build();
    }

    private void scan(ScanEvent event) {
        String modality = event.getModality();
        if (event.getOperation() == ScanOperation.RETRACTED) {
            retracted.merge(modality, event.getScanRevision(), Math::max);
            volumes.values()
                    .removeIf(
                            scan -> scan.modality().equals(modality) && scan.scanRevision() <= event.getScanRevision());
        } else if (event.getVolume() != null
                && event.getScanRevision() > retracted.getOrDefault(modality, Integer.MIN_VALUE)) {
            volumes.put(event.getEventId(), new ScanVolume(modality, event.getScanRevision(), event.getVolume()));
            if (volumes.size() > MOST_VOLUMES) {
                volumes.remove(volumes.keySet().iterator().next());
            }
        }
    }

    StudyRow row() {
        if (row == null) {
            row = makeRow();
        }
        return row;
    }

    List<ModalityGating> latestGating() {
        row();
        return latestGating;
    }

    private StudyRow makeRow() {
        Optional<StudyStatus> stands = readStatus();
        Optional<Segmentation> latest = Optional.ofNullable(segmentations.lastEntry())
                .map(entry -> SEGMENTATION.deserialize(null, entry.getValue()));
        Optional<Segmentation> former = latest.map(result -> segmentations.get(result.getRevision() - 1))
                .map(bytes -> SEGMENTATION.deserialize(null, bytes));
        latestGating = latest.map(result -> weights.get(result.getRevision()))
                .map(bytes -> WEIGHTS.deserialize(null, bytes).getModalities())
                .orElse(List.of());
        StudyPhase phase = stands.map(StudyStatus::getPhase).orElse(StudyPhase.UNKNOWN);
        Set<LookReason> look = LookReasons.of(phase, latest, former);
        Optional<QaFeedback> verdict = latest.map(result -> feedback.get(result.getRevision()))
                .map(bytes -> FEEDBACK.deserialize(null, bytes));
        return new StudyRow(
                studyId,
                stands.map(StudyStatus::getFamily)
                        .or(() -> latest.map(result -> result.getModel().getFamily()))
                        .orElse(""),
                phase,
                stands.map(StudyStatus::getReason).orElse(""),
                latest.map(Segmentation::getRevision),
                latest.map(result -> result.getTrigger().name()),
                latest.map(result -> result.getUsed().stream()
                                .map(ScanReference::getModality)
                                .toList())
                        .or(() -> stands.map(StudyStatus::getPresent))
                        .orElse(List.of()),
                latest.map(result -> result.getMissing().stream()
                                .map(AbsentModality::getModality)
                                .toList())
                        .or(() -> stands.map(StudyStatus::getMissing))
                        .orElse(List.of()),
                latest.map(Segmentation::getVolumesMl).orElse(Map.of()),
                lowestConsistency(),
                look,
                verdict.map(QaFeedback::getVerdict),
                stands.map(StudyStatus::getDeadline),
                stands.map(StudyStatus::getUpdatedAt)
                        .or(() -> latest.map(Segmentation::getFinishedAt))
                        .orElse(Instant.EPOCH));
    }

    private Optional<Double> lowestConsistency() {
        return latestGating.stream()
                .flatMap(gating -> Stream.of(
                        Optional.ofNullable(gating.getConsistencyGlobal()),
                        Optional.ofNullable(gating.getConsistencyRegional())))
                .flatMap(Optional::stream)
                .min(Double::compare);
    }

    private Optional<StudyStatus> readStatus() {
        return Optional.ofNullable(status).map(bytes -> STATUS.deserialize(null, bytes));
    }

    StudyDetail detail() {
        return new StudyDetail(
                row(),
                readStatus(),
                segmentations.entrySet().stream()
                        .map(entry -> new Revision(
                                SEGMENTATION.deserialize(null, entry.getValue()),
                                Optional.ofNullable(weights.get(entry.getKey()))
                                        .map(bytes -> WEIGHTS.deserialize(null, bytes)),
                                Optional.ofNullable(feedback.get(entry.getKey()))
                                        .map(bytes -> FEEDBACK.deserialize(null, bytes))))
                        .toList(),
                failures.stream().map(bytes -> FAILURE.deserialize(null, bytes)).toList(),
                volumes.entrySet().stream().collect(Collectors.toMap(Map.Entry::getKey, entry -> entry.getValue()
                        .volume())));
    }
}
