package io.cloe.worker.submit;

import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.ScanOperation;
import io.cloe.schemas.VolumeReference;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.HexFormat;
import java.util.UUID;

/** Makes scan events from files. */
public final class ScanEvents {

    private ScanEvents() {}

    /**
     * Announces a file. The event's id follows from study, modality, revision and content, so that submitting the same file
     * twice has no effect.
     *
     * @param studyId key of the study
     * @param modality MR sequence as the model's bundle names it
     * @param file absolute path of the volume
     * @param scanRevision 0 for the first; larger ones replace it
     * @throws IOException if the file cannot be read
     */
    public static ScanEvent.Builder available(String studyId, String modality, Path file, int scanRevision, Instant now)
            throws IOException {
        String sha256 = sha256(file);
        return ScanEvent.newBuilder()
                .setEventId(eventId(studyId, modality, scanRevision, sha256))
                .setStudyId(studyId)
                .setModality(modality)
                .setOperation(scanRevision == 0 ? ScanOperation.AVAILABLE : ScanOperation.REPLACED)
                .setScanRevision(scanRevision)
                .setVolume(new VolumeReference(file.toUri().toString(), "nifti", Files.size(file), sha256))
                .setAvailableAt(now);
    }

    /** Takes a scan back. */
    public static ScanEvent.Builder retracted(String studyId, String modality, int scanRevision, Instant now) {
        return ScanEvent.newBuilder()
                .setEventId(eventId(studyId, modality, scanRevision, "retracted"))
                .setStudyId(studyId)
                .setModality(modality)
                .setOperation(ScanOperation.RETRACTED)
                .setScanRevision(scanRevision)
                .setAvailableAt(now);
    }

    private static String eventId(String studyId, String modality, int scanRevision, String content) {
        String seed = String.join("\n", studyId, modality, Integer.toString(scanRevision), content);
        return UUID.nameUUIDFromBytes(seed.getBytes(StandardCharsets.UTF_8)).toString();
    }

    private static String sha256(Path file) throws IOException {
        try (InputStream bytes = Files.newInputStream(file)) {
            DigestInputStream digested = new DigestInputStream(bytes, MessageDigest.getInstance("SHA-256"));
            digested.transferTo(java.io.OutputStream.nullOutputStream());
            return HexFormat.of().formatHex(digested.getMessageDigest().digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java runtime has SHA-256", e);
        }
    }
}
