package io.cloe.topology.study;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.ScanOperation;
import java.util.Optional;

/** Refuses scan events that no rule can work with, whatever is known of their study. */
public final class ScanEventCheck {

    /** Longest study or event id in characters; ids become store keys and file names. */
    public static final int LONGEST_ID = 256;

    private static final int LARGEST_ATTRIBUTES = 8 << 10;

    private ScanEventCheck() {}

    /**
     * What is wrong with an event.
     *
     * @param key the record's key, which must be the study id: records of one study share a partition by their key
     * @return empty when the event can be used
     */
    public static Optional<FailureReason> problem(String key, ScanEvent event) {
        boolean invalid = !validId(event.getStudyId())
                || !event.getStudyId().equals(key)
                || !validId(event.getEventId())
                || event.getScanRevision() < 0
                || event.getOperation() == ScanOperation.UNKNOWN
                || (event.getOperation() != ScanOperation.RETRACTED && event.getVolume() == null)
                || attributesLength(event) > LARGEST_ATTRIBUTES;
        return invalid ? Optional.of(FailureReason.INVALID_EVENT) : Optional.empty();
    }

    private static boolean validId(String id) {
        return !id.isBlank() && id.length() <= LONGEST_ID;
    }

    private static long attributesLength(ScanEvent event) {
        return event.getAttributes().entrySet().stream()
                .mapToLong(entry -> entry.getKey().length() + entry.getValue().length())
                .sum();
    }
}
