package io.cloe.topology.study;

import io.cloe.schemas.HistoryEntry;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.PublishedResult;
import io.cloe.schemas.ScanReference;
import io.cloe.schemas.StudyPhase;
import io.cloe.schemas.StudyTimer;
import io.cloe.schemas.TimerKind;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * All that is known of one study. Immutable; {@link StudyDecisions} makes the next one.
 *
 * @param id the study's key
 * @param family model family that serves it
 * @param phase where it stands
 * @param reason why it stands there
 * @param openedAt arrival of its first event
 * @param deadline until when it waits for scans; empty while no usable scan is there
 * @param deadlineGiven whether an event or a command named the deadline
 * @param expected modalities that make it complete
 * @param priority larger runs first
 * @param scans newest scan per modality
 * @param job the job that runs, or that runs next when the timer is a RETRY
 * @param jobsStarted jobs so far; makes job ids deterministic
 * @param current the result that stands
 * @param timer the one thing that it waits for
 * @param history its latest steps, oldest first
 * @param traceparent W3C trace context of the last event
 * @param rule name of the special rule that it follows; empty for the general rules
 * @param site the attribute site of the last event that had one
 */
public record Study(
        String id,
        String family,
        StudyPhase phase,
        StatusReason reason,
        Instant openedAt,
        Optional<Instant> deadline,
        boolean deadlineGiven,
        SortedSet<String> expected,
        int priority,
        SortedMap<String, Scan> scans,
        Optional<InferenceJob> job,
        int jobsStarted,
        Optional<PublishedResult> current,
        Optional<StudyTimer> timer,
        List<HistoryEntry> history,
        Optional<String> traceparent,
        Optional<String> rule,
        Optional<String> site) {

    /** The job that the executor should be working on; a job that waits for its retry is not. */
    public Optional<InferenceJob> runningJob() {
        boolean waitsForRetry =
                timer.map(waiting -> waiting.getKind() == TimerKind.RETRY).orElse(false);
        return waitsForRetry ? Optional.empty() : job;
    }

    /** Scans that a job could use, sorted by modality. */
    List<Scan> usableScans() {
        List<Scan> usable = new ArrayList<>(scans.size());
        for (Scan scan : scans.values()) {
            if (scan.usable()) {
                usable.add(scan);
            }
        }
        return usable;
    }

    /** Whether a job could use a scan of each of the given modalities. */
    boolean hasUsable(Collection<String> modalities) {
        for (String modality : modalities) {
            Scan scan = scans.get(modality);
            if (scan == null || !scan.usable()) {
                return false;
            }
        }
        return true;
    }

    /** Whether a job could use any scan. */
    boolean hasUsable() {
        for (Scan scan : scans.values()) {
            if (scan.usable()) {
                return true;
            }
        }
        return false;
    }

    /** Modalities that a job could use. */
    SortedSet<String> usableModalities() {
        SortedSet<String> modalities = new TreeSet<>();
        for (Scan scan : usableScans()) {
            modalities.add(scan.reference().getModality());
        }
        return modalities;
    }

    /** Whether the result that stands was made from exactly the scans that are usable now. */
    boolean currentResultHolds() {
        Set<ScanReference> usable = usableScans().stream().map(Scan::reference).collect(Collectors.toSet());
        return current.map(result -> usable.equals(Set.copyOf(result.getUsed())))
                .orElse(false);
    }
}
