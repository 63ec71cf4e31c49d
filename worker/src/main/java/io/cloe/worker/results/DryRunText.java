package io.cloe.worker.results;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.schemas.Trigger;
import io.cloe.topology.study.DryRun.Report;
import io.cloe.topology.study.DryRun.Result;
import io.cloe.topology.study.DryRun.WithoutResult;
import io.cloe.worker.config.DurationText;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** What a dry run found, as text or JSON. */
public final class DryRunText {

    private static final String GENERAL = "(general)";
    private static final String ROW = "%-20s %8s %10s %10s %10s %12s %10s%n";

    private final Report report;
    private final int records;
    private final int unreadable;

    /**
     * Of a report.
     *
     * @param records how many records were replayed
     * @param unreadable how many could not be read
     */
    public DryRunText(Report report, int records, int unreadable) {
        this.report = report;
        this.records = records;
        this.unreadable = unreadable;
    }

    /** A row per rule, then what was refused and ignored. */
    public String summary() {
        StringBuilder text = new StringBuilder();
        text.append(String.format(Locale.ROOT, "%d records replayed, %d unreadable%n", records, unreadable));
        text.append(String.format(
                Locale.ROOT, ROW, "rule", "studies", "complete", "deadline", "further", "no result", "waited"));
        for (String rule : rules()) {
            text.append(row(rule));
        }
        report.refused()
                .forEach((reason, count) -> text.append(String.format(Locale.ROOT, "refused: %s %d%n", reason, count)));
        report.ignored()
                .forEach((what, count) ->
                        text.append(String.format(Locale.ROOT, "without effect: %s %d%n", what, count)));
        text.append(
                        "'further' are revisions after the first; 'waited' is the median from a study's first event to its first job.")
                .append(System.lineSeparator());
        return text.toString();
    }

    private String row(String rule) {
        List<Result> results = report.results().stream()
                .filter(result -> name(result.rule()).equals(rule))
                .toList();
        List<Result> first =
                results.stream().filter(result -> result.revision() == 0).toList();
        long without = report.withoutResult().stream()
                .filter(study -> name(study.rule()).equals(rule))
                .count();
        Map<Trigger, Long> triggers = first.stream()
                .collect(Collectors.groupingBy(
                        Result::trigger, () -> new EnumMap<>(Trigger.class), Collectors.counting()));
        List<Duration> waits = first.stream().map(Result::waited).sorted().toList();
        return String.format(
                Locale.ROOT,
                ROW,
                rule,
                first.size() + without,
                triggers.getOrDefault(Trigger.COMPLETE, 0L),
                triggers.getOrDefault(Trigger.DEADLINE, 0L),
                results.size() - first.size(),
                without,
                waits.isEmpty() ? "-" : DurationText.of(waits.get(waits.size() / 2)));
    }

    private List<String> rules() {
        TreeMap<String, Boolean> names = new TreeMap<>();
        report.results().forEach(result -> names.put(name(result.rule()), true));
        report.withoutResult().forEach(study -> names.put(name(study.rule()), true));
        return List.copyOf(names.keySet());
    }

    /** A line per result and per study without one. */
    public String studies() {
        StringBuilder text = new StringBuilder();
        for (Result result : report.results()) {
            text.append(String.format(
                    Locale.ROOT,
                    "%s revision %d, %s, %s, %s after its first event, rule %s%n",
                    result.studyId(),
                    result.revision(),
                    result.trigger(),
                    String.join(" ", result.used()),
                    DurationText.of(result.waited()),
                    name(result.rule())));
        }
        for (WithoutResult study : report.withoutResult()) {
            text.append(String.format(
                    Locale.ROOT,
                    "%s no result: %s, present %s, rule %s%n",
                    study.studyId(),
                    study.reason(),
                    study.present().isEmpty() ? "-" : String.join(" ", study.present()),
                    name(study.rule())));
        }
        return text.toString();
    }

    /** The whole report. */
    public String json() {
        JsonNodeFactory nodes = JsonNodeFactory.instance;
        ObjectNode root = nodes.objectNode().put("records", records).put("unreadable", unreadable);
        ArrayNode results = root.putArray("results");
        for (Result result : report.results()) {
            ObjectNode node = results.addObject()
                    .put("studyId", result.studyId())
                    .put("rule", result.rule().orElse(null))
                    .put("revision", result.revision())
                    .put("trigger", result.trigger().name())
                    .put("waitedMs", result.waited().toMillis());
            result.used().forEach(node.putArray("used")::add);
        }
        ArrayNode without = root.putArray("withoutResult");
        for (WithoutResult study : report.withoutResult()) {
            ObjectNode node = without.addObject()
                    .put("studyId", study.studyId())
                    .put("rule", study.rule().orElse(null))
                    .put("reason", study.reason().name());
            study.present().forEach(node.putArray("present")::add);
        }
        ObjectNode refused = root.putObject("refused");
        report.refused().forEach((reason, count) -> refused.put(reason.name(), count));
        ObjectNode ignored = root.putObject("ignored");
        report.ignored().forEach((what, count) -> ignored.put(what.name(), count));
        return root.toPrettyString() + System.lineSeparator();
    }

    private static String name(Optional<String> rule) {
        return rule.orElse(GENERAL);
    }
}
