package io.cloe.topology.study;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.ScanOperation;
import io.cloe.schemas.ScanReference;
import io.cloe.schemas.VolumeReference;
import java.time.Instant;
import java.util.Comparator;
import java.util.Optional;

/**
 * The newest that is known of one modality of a study.
 *
 * @param reference modality, event and revision
 * @param operation what happened last
 * @param volume where the volume lies; empty when retracted
 * @param availableAt when it became available upstream
 * @param receivedAt when its event arrived
 * @param unusable why the volume cannot be used, if so
 */
record Scan(
        ScanReference reference,
        ScanOperation operation,
        Optional<VolumeReference> volume,
        Instant availableAt,
        Instant receivedAt,
        Optional<FailureReason> unusable) {

    /**
     * Which of two events about a modality is the newer one. A total order, so that any arrival order ends in the same state;
     * at equal revision a retraction wins.
     */
    private static final Comparator<Scan> NEWEST_LAST = Comparator.comparingInt(
                    (Scan scan) -> scan.reference().getScanRevision())
            .thenComparing(Scan::retracted)
            .thenComparing(Scan::availableAt)
            .thenComparing(scan -> scan.reference().getEventId());

    static Scan of(ScanEvent event, Instant now) {
        boolean retracted = event.getOperation() == ScanOperation.RETRACTED;
        return new Scan(
                new ScanReference(event.getModality(), event.getEventId(), event.getScanRevision()),
                event.getOperation(),
                retracted ? Optional.empty() : Optional.of(event.getVolume()),
                event.getAvailableAt(),
                now,
                Optional.empty());
    }

    boolean retracted() {
        return operation == ScanOperation.RETRACTED;
    }

    boolean usable() {
        return !retracted() && unusable.isEmpty();
    }

    /** Same event, or the same content sent under another event id. */
    boolean repeats(Scan known) {
        if (reference.getEventId().equals(known.reference.getEventId())) {
            return true;
        }
        return reference.getScanRevision() == known.reference.getScanRevision()
                && retracted() == known.retracted()
                && (retracted() || sameDigest(known));
    }

    private boolean sameDigest(Scan other) {
        String digest = volume.map(VolumeReference::getSha256).orElse(null);
        return digest != null
                && digest.equals(other.volume.map(VolumeReference::getSha256).orElse(null));
    }

    boolean newerThan(Scan known) {
        return NEWEST_LAST.compare(this, known) > 0;
    }

    Scan markedUsable() {
        return new Scan(reference, operation, volume, availableAt, receivedAt, Optional.empty());
    }

    Scan markedUnusable(FailureReason reason) {
        return new Scan(reference, operation, volume, availableAt, receivedAt, Optional.of(reason));
    }
}
