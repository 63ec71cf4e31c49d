package io.cloe.topology.study;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.ScanOperation;
import io.cloe.schemas.VolumeReference;
import java.util.Map;
import java.util.Optional;

/** Refuses scan events that no rule can work with, whatever is known of their study. */
public final class ScanEventCheck {

    /** Longest study or event id in characters; ids become store keys and file names. */
    public static final int LONGEST_ID = 256;

    /** Longest location of a volume in characters; it is stored with its scan, and again with the study's job. */
    public static final int LONGEST_URI = 4_096;

    private static final int LONGEST_NAME = 128;
    private static final int MOST_EXPECTED = 256;
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
                || !validVolume(event.getVolume())
                || (event.getExpectedModalities() != null
                        && event.getExpectedModalities().size() > MOST_EXPECTED)
                || attributesLength(event) > LARGEST_ATTRIBUTES;
        return invalid ? Optional.of(FailureReason.INVALID_EVENT) : Optional.empty();
    }

    /** An id as a refusal may repeat it: at most as long as a valid one, and harmless on a terminal; null stays null. */
    public static String shown(String id) {
        if (id == null) {
            return null;
        }
        String start = id.substring(0, Math.min(LONGEST_ID, id.length()));
        StringBuilder harmless = new StringBuilder(start.length());
        start.chars().forEach(character -> harmless.append(isNoText(character) ? '?' : (char) character));
        return harmless.toString();
    }

    private static boolean validId(String id) {
        return !id.isBlank() && id.length() <= LONGEST_ID && isText(id);
    }

    private static boolean isText(String id) {
        for (int i = 0; i < id.length(); i++) {
            if (isNoText(id.charAt(i))) {
                return false;
            }
        }
        return true;
    }

    /** Control characters, and what stands for bytes that are no text: different keys would become the same id. */
    private static boolean isNoText(int character) {
        return Character.isISOControl(character) || character == '\uFFFD';
    }

    /** What is stored of a volume must be bounded: a study's state is one record, and one too large would stop the worker. */
    private static boolean validVolume(VolumeReference volume) {
        return volume == null
                || (volume.getUri().length() <= LONGEST_URI
                        && volume.getFormat().length() <= LONGEST_NAME
                        && (volume.getSha256() == null || volume.getSha256().length() <= LONGEST_NAME));
    }

    private static long attributesLength(ScanEvent event) {
        long length = 0;
        for (Map.Entry<String, String> attribute : event.getAttributes().entrySet()) {
            length += attribute.getKey().length() + attribute.getValue().length();
        }
        return length;
    }
}
