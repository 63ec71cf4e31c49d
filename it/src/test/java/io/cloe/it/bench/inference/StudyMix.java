package io.cloe.it.bench.inference;

import io.cloe.it.tools.Repository;
import io.cloe.worker.submit.StudyFolder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Generated studies with one to four modalities, as a site sends them: {@code deploy/phantoms}, some with scans left out. */
final class StudyMix {

    private static final List<List<String>> SUBSETS = List.of(
            List.of("T1", "T1CE", "T2", "FLAIR"),
            List.of("FLAIR"),
            List.of("T1CE", "T2", "FLAIR"),
            List.of("T1CE", "FLAIR"),
            List.of("T2"),
            List.of("T1", "T2"));

    private StudyMix() {}

    static List<Map<String, Path>> studies(int count) throws IOException {
        List<StudyFolder> phantoms = StudyFolder.below(Repository.phantoms());
        return IntStream.range(0, count)
                .mapToObj(i -> subset(phantoms.get(i % phantoms.size()).volumes(), SUBSETS.get(i % SUBSETS.size())))
                .toList();
    }

    private static Map<String, Path> subset(Map<String, Path> volumes, List<String> modalities) {
        Map<String, Path> subset = new LinkedHashMap<>();
        modalities.forEach(modality -> subset.put(modality, volumes.get(modality)));
        return subset;
    }
}
