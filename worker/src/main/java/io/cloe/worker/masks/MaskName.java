package io.cloe.worker.masks;

import io.cloe.worker.volume.Sha256;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

/**
 * Name of a mask: it follows from what the mask was made of, so that a replay finds the mask it wrote before, and from the mask itself, so
 * that a replay that comes to other bytes does not stand before a name that is taken.
 *
 * @param studyId the study
 * @param revision its revision
 * @param modelDigest digest of the model bundle, hex
 * @param inputDigest digest of the volumes used, hex
 * @param maskDigest digest of the mask file, hex
 */
public record MaskName(String studyId, int revision, String modelDigest, String inputDigest, String maskDigest) {

    private static final int DIGEST_SHOWN = 12;
    private static final int LONGEST_FOLDER = 100;

    /** Relative path with {@code /}, such as {@code study-1/r0-3f2a..-77c0..-a91b...nii.gz}. */
    public String path() {
        return folder(studyId) + "/r" + revision + "-" + shortened(modelDigest) + "-" + shortened(inputDigest) + "-"
                + shortened(maskDigest) + ".nii.gz";
    }

    /**
     * The folder of a study's masks: the study id where it is harmless as a file name; otherwise escaped, and shortened with a digest
     * when long.
     */
    public static String folder(String studyId) {
        StringBuilder escaped = new StringBuilder();
        for (byte unsigned : studyId.getBytes(StandardCharsets.UTF_8)) {
            char c = (char) (unsigned & 0xFF);
            boolean harmless = c < 128 && (Character.isLetterOrDigit(c) || c == '-' || c == '_');
            boolean innerDot = c == '.' && escaped.length() > 0;
            if (harmless || innerDot) {
                escaped.append(c);
            } else {
                escaped.append('%').append(HexFormat.of().withUpperCase().toHexDigits((byte) c));
            }
        }
        if (escaped.length() == 0) {
            return "%"; // no other id is escaped to this
        }
        return escaped.length() <= LONGEST_FOLDER
                ? escaped.toString()
                : escaped.substring(0, LONGEST_FOLDER / 2) + "~"
                        + Sha256.of(studyId.getBytes(StandardCharsets.UTF_8)).substring(0, 2 * DIGEST_SHOWN);
    }

    private static String shortened(String digest) {
        return digest.substring(0, Math.min(DIGEST_SHOWN, digest.length()));
    }
}
