package io.cloe.worker.results;

import io.cloe.schemas.AbsentModality;
import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.HistoryEntry;
import io.cloe.schemas.RevisionChange;
import io.cloe.schemas.ScanReference;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyFailure;
import io.cloe.schemas.StudyStatus;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** A study's story as one screen of text. */
public final class StoryText {

    private final DateTimeFormatter times;

    /** With times of the given zone. */
    public StoryText(ZoneId zone) {
        times = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss.SSS").withZone(zone);
    }

    /** The whole story. */
    public String of(String studyId, StudyStory story) {
        StringBuilder text = new StringBuilder();
        story.status().ifPresent(status -> standing(text, studyId, status));
        story.revisions()
                .forEach((revision, result) ->
                        revision(text, result, story.weights().get(revision)));
        story.failures().forEach(failure -> failure(text, failure));
        return text.toString();
    }

    private void standing(StringBuilder text, String studyId, StudyStatus status) {
        line(text, "study     %s (%s)", studyId, status.getFamily());
        line(text, "stands    %s since %s: %s", status.getPhase(), time(status.getUpdatedAt()), status.getReason());
        if (status.getRule() != null) {
            line(text, "rule      %s", status.getRule());
        }
        if (status.getDeadline() != null) {
            line(text, "deadline  %s", time(status.getDeadline()));
        }
        line(text, "present   %s", words(status.getPresent()));
        line(text, "missing   %s", words(status.getMissing()));
        line(text, "story");
        for (HistoryEntry step : status.getHistory()) {
            line(
                    text,
                    "  %s  %-16s %-6s %s%s",
                    time(step.getAt()),
                    step.getWhat(),
                    step.getModality() == null ? "" : step.getModality(),
                    step.getDetail() == null ? "" : step.getDetail(),
                    step.getEventId() == null ? "" : ", event " + step.getEventId());
        }
    }

    private void revision(StringBuilder text, Segmentation result, GatingWeights weights) {
        line(
                text,
                "revision  %d, %s%s%s",
                result.getRevision(),
                result.getTrigger(),
                result.getDecision() == null ? "" : " (decided: " + result.getDecision() + ")",
                result.getSupersedes() == null ? "" : ", supersedes " + result.getSupersedes());
        line(
                text,
                "  used    %s; missing %s",
                words(result.getUsed().stream().map(ScanReference::getModality).toList()),
                words(result.getMissing().stream().map(StoryText::absent).toList()));
        if (weights != null) {
            line(
                    text,
                    "  weights %s%s",
                    weights.getModalities().stream()
                            .map(gating -> gating.getModality() + " " + number(gating.getWeight()))
                            .collect(Collectors.joining(", ")),
                    reason(weights));
        }
        line(
                text,
                "  model   %s %s",
                result.getModel().getId(),
                result.getModel().getVersion());
        line(text, "  ms      %s", pairs(result.getTimingsMs()));
        line(text, "  ml      %s", pairs(result.getVolumesMl()));
        line(text, "  flags   %s", words(result.getFlags()));
        change(text, result.getChange());
        line(text, "  mask    %s", result.getMask().getUri());
    }

    private static String reason(GatingWeights weights) {
        if (weights.getModalities().isEmpty()) {
            return "none (the model weighs no modalities)";
        }
        return weights.getGateActed() ? "" : " (by symmetry: the gate cannot act)";
    }

    private static void change(StringBuilder text, RevisionChange change) {
        if (change != null) {
            line(
                    text,
                    "  change  Dice with the superseded mask %s; %d voxels differ",
                    pairs(change.getDice()),
                    change.getChangedVoxels());
        }
    }

    private void failure(StringBuilder text, StudyFailure failure) {
        line(
                text,
                "failure   %s  %s %s%s%s",
                time(failure.getFailedAt()),
                failure.getReason(),
                failure.getModality() == null ? "" : failure.getModality(),
                failure.getAttempt() == 0 ? "" : ", attempt " + failure.getAttempt(),
                failure.getRetriable() ? ", tried again" : "");
    }

    private static String absent(AbsentModality modality) {
        return modality.getModality() + " (" + modality.getReason() + ")";
    }

    private static String pairs(Map<String, ?> values) {
        return values.entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .map(entry -> entry.getKey() + " " + number(entry.getValue()))
                .collect(Collectors.joining(", "));
    }

    private static String number(Object value) {
        return value instanceof Double fraction ? String.format(Locale.ROOT, "%.2f", fraction) : value.toString();
    }

    private static String words(List<String> words) {
        return words.isEmpty() ? "-" : String.join(" ", words);
    }

    private String time(Instant instant) {
        return times.format(instant);
    }

    private static void line(StringBuilder text, String format, Object... values) {
        text.append(String.format(Locale.ROOT, format, values).stripTrailing()).append(System.lineSeparator());
    }
}
