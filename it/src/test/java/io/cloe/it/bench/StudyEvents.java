package io.cloe.it.bench;

import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.ScanOperation;
import io.cloe.schemas.VolumeReference;
import io.cloe.topology.study.ModelFamilies;
import io.cloe.topology.study.ModelFamilies.ModelFamily;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;

/** The scan events of many studies, as a hospital's pipelines would send them. */
final class StudyEvents {

    static final List<String> MODALITIES = List.of("T1", "T1CE", "T2", "FLAIR");
    static final ModelFamilies FAMILIES = ModelFamilies.of(List.of(new ModelFamily("brain-glioma", MODALITIES)));

    private static final int STUDIES_PER_SECOND = 10;
    private static final int MILLIS_WITHIN_STUDY = 60_000;

    private StudyEvents() {}

    /**
     * All four scans of each study, in the order of their times: ten studies a second, each within a minute, in any order.
     *
     * @param start time of the first
     */
    static List<ScanEvent> complete(int studies, Instant start, Random random) {
        List<ScanEvent> events = new ArrayList<>(studies * MODALITIES.size());
        for (int study = 0; study < studies; study++) {
            Instant opened = start.plusMillis(study * 1_000L / STUDIES_PER_SECOND);
            for (String modality : MODALITIES) {
                events.add(event(
                                "study-" + study,
                                modality,
                                opened.plusMillis(random.nextInt(MILLIS_WITHIN_STUDY)),
                                random)
                        .build());
            }
        }
        events.sort(Comparator.comparing(ScanEvent::getAvailableAt));
        return events;
    }

    static ScanEvent.Builder event(String studyId, String modality, Instant availableAt, Random random) {
        byte[] digest = new byte[32];
        random.nextBytes(digest);
        return ScanEvent.newBuilder()
                .setEventId(new UUID(random.nextLong(), random.nextLong()).toString())
                .setStudyId(studyId)
                .setModality(modality)
                .setOperation(ScanOperation.AVAILABLE)
                .setVolume(new VolumeReference(
                        "file:///data/studies/" + studyId + "/" + modality + ".nii.gz",
                        "nifti",
                        8_000_000L,
                        HexFormat.of().formatHex(digest)))
                .setAvailableAt(availableAt)
                .setAttributes(Map.of("site", "north"));
    }
}
