package io.cloe.it.matrix;

import io.cloe.schemas.ScanEvent;
import io.cloe.topology.matrix.Answer;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** The scans of a result as text, for contenders that have no record type of their own: {@code T1:0,FLAIR:1}. */
final class ScanList {

    static final String SEPARATOR = ",";
    private static final String REVISION = ":";

    private ScanList() {}

    /** One scan. */
    static String of(ScanEvent scan) {
        return scan.getModality() + REVISION + scan.getScanRevision();
    }

    /** The result that a list is. Its contender neither counts its results nor says why they came. */
    static Answer answer(String studyId, String scans) {
        Map<String, Integer> used = new TreeMap<>();
        for (String scan : scans.split(SEPARATOR)) {
            String[] parts = scan.split(REVISION);
            used.put(parts[0], Integer.valueOf(parts[1]));
        }
        return new Answer(studyId, 0, Optional.empty(), used);
    }
}
