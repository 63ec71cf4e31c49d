package io.cloe.worker.results;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.schemas.CampaignOutput;
import io.cloe.schemas.CampaignPhase;
import io.cloe.schemas.ReprocessCampaign;
import io.cloe.schemas.ReprocessProgress;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;

/**
 * How far a campaign is, over all partitions. Plain functions.
 *
 * @param parts what each partition told last; those that told nothing yet are missing
 */
public record CampaignSummary(List<ReprocessProgress> parts) {

    public CampaignSummary {
        parts = List.copyOf(parts);
    }

    /** What was told of all campaigns, by campaign, the oldest first. */
    public static Map<String, CampaignSummary> byCampaign(Collection<ReprocessProgress> told) {
        return told.stream()
                .sorted(Comparator.comparing(part -> part.getCampaign().getCreatedAt()))
                .collect(Collectors.groupingBy(
                        ReprocessProgress::getCampaignId,
                        LinkedHashMap::new,
                        Collectors.collectingAndThen(Collectors.toList(), CampaignSummary::new)));
    }

    /** Studies that fitted when they were counted. */
    public long selected() {
        return sum(ReprocessProgress::getSelected);
    }

    /** Studies that need no more work: done, skipped or failed. */
    public long ended() {
        return sum(ReprocessProgress::getDone) + sum(ReprocessProgress::getSkipped) + sum(ReprocessProgress::getFailed);
    }

    /** Whether nothing happens any more in any of so many partitions. */
    public boolean isOver(int partitions) {
        return parts.size() >= partitions
                && parts.stream()
                        .map(ReprocessProgress::getPhase)
                        .allMatch(phase -> phase == CampaignPhase.DONE || phase == CampaignPhase.CANCELLED);
    }

    private long sum(ToLongFunction<ReprocessProgress> count) {
        return parts.stream().mapToLong(count).sum();
    }

    /** Partitions by phase, with what they wait for. */
    private Map<String, Long> phases() {
        return parts.stream()
                .collect(Collectors.groupingBy(
                        part -> part.getPhase().name().toLowerCase(Locale.ROOT)
                                + (part.getWaitingFor() == null ? "" : " for " + part.getWaitingFor()),
                        TreeMap::new,
                        Collectors.counting()));
    }

    /** Studies that were skipped or failed, by code. */
    private Map<String, Long> reasons() {
        Map<String, Long> reasons = new TreeMap<>();
        parts.forEach(part -> part.getReasons().forEach((why, count) -> reasons.merge(why, count, Long::sum)));
        return reasons;
    }

    private OptionalDouble perMinute() {
        List<Double> rates = parts.stream()
                .map(ReprocessProgress::getPerMinute)
                .filter(Objects::nonNull)
                .toList();
        return rates.isEmpty()
                ? OptionalDouble.empty()
                : OptionalDouble.of(rates.stream().mapToDouble(rate -> rate).sum());
    }

    private Optional<Long> remainingSeconds() {
        return parts.stream()
                .map(ReprocessProgress::getRemainingSeconds)
                .filter(Objects::nonNull)
                .max(Long::compare);
    }

    /** One line: a bar, counts, what is waited for, reasons, rate and the time left. */
    public String line() {
        long selected = selected();
        if (!parts.isEmpty() && parts.get(0).getCampaign().getOutput() == CampaignOutput.COUNT) {
            return selected + " counted, nothing run  partitions " + text(phases());
        }
        StringBuilder line = new StringBuilder(String.format(
                Locale.ROOT,
                "%s %d of %d done, %d skipped, %d failed  partitions %s",
                ProgressText.bar(ended(), selected),
                sum(ReprocessProgress::getDone),
                selected,
                sum(ReprocessProgress::getSkipped),
                sum(ReprocessProgress::getFailed),
                text(phases())));
        if (!reasons().isEmpty()) {
            line.append("  ").append(text(reasons()));
        }
        remainingSeconds().filter(seconds -> seconds > 0).ifPresent(seconds -> {
            perMinute().ifPresent(rate -> line.append(String.format(Locale.ROOT, "  %.1f/min", rate)));
            line.append(", ").append(ProgressText.duration(seconds)).append(" left");
        });
        return line.toString();
    }

    /** What it does: the model, and what becomes of the results. */
    public String title() {
        if (parts.isEmpty()) {
            return "";
        }
        ReprocessCampaign campaign = parts.get(0).getCampaign();
        String kind = campaign.getLiveShare() == null
                ? campaign.getOutput() + " " + campaign.getMode()
                : String.format(Locale.ROOT, "CANARY %s", campaign.getLiveShare());
        return campaign.getModel().getId() + " " + campaign.getModel().getVersion() + " "
                + kind.toLowerCase(Locale.ROOT).replace('_', '-');
    }

    private static String text(Map<String, Long> counts) {
        return counts.entrySet().stream()
                .map(entry -> entry.getKey() + "=" + entry.getValue())
                .collect(Collectors.joining(", "));
    }

    /** The same as a JSON object. */
    public ObjectNode json() {
        ObjectNode object = JsonNodeFactory.instance.objectNode();
        if (!parts.isEmpty()) {
            ReprocessCampaign campaign = parts.get(0).getCampaign();
            object.put("campaign", campaign.getCampaignId());
            object.set("model", RecordJson.of(campaign.getModel()));
            object.put("output", campaign.getOutput().name());
            object.put("mode", campaign.getMode().name());
            object.put("liveShare", campaign.getLiveShare());
        }
        object.put("selected", selected())
                .put("started", sum(ReprocessProgress::getStarted))
                .put("done", sum(ReprocessProgress::getDone))
                .put("skipped", sum(ReprocessProgress::getSkipped))
                .put("failed", sum(ReprocessProgress::getFailed));
        ObjectNode reasons = object.putObject("reasons");
        reasons().forEach(reasons::put);
        ObjectNode phases = object.putObject("partitions");
        phases().forEach(phases::put);
        object.put(
                "perMinute",
                perMinute().isPresent() ? Double.valueOf(perMinute().getAsDouble()) : null);
        object.put("remainingSeconds", remainingSeconds().orElse(null));
        return object;
    }
}
