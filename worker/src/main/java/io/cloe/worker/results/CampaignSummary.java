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

    /** Said of a campaign that selects nothing. */
    public static final String NOTHING_FITS = "no study with a result fits the selection";

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
        return parts.size() >= partitions && parts.stream().allMatch(CampaignSummary::isOver);
    }

    private static boolean isOver(ReprocessProgress part) {
        return part.getPhase() == CampaignPhase.DONE || part.getPhase() == CampaignPhase.CANCELLED;
    }

    /** What kept a campaign that is over from what it was for; empty if only live work did. */
    public Optional<String> shortfall() {
        if (parts.stream().anyMatch(part -> part.getPhase() == CampaignPhase.CANCELLED)) {
            return Optional.of("the campaign was cancelled");
        }
        long failed = sum(ReprocessProgress::getFailed);
        return failed == 0
                ? Optional.empty()
                : Optional.of(failed + " of " + selected() + " studies failed; not run, by reason: " + text(reasons()));
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
                .filter(part -> !isOver(part))
                .map(ReprocessProgress::getPerMinute)
                .filter(Objects::nonNull)
                .toList();
        return rates.isEmpty()
                ? OptionalDouble.empty()
                : OptionalDouble.of(rates.stream().mapToDouble(rate -> rate).sum());
    }

    /** Until the slowest partition is done, as far as one says so, and not sooner than all of them are at the rate that they have. */
    private Optional<Long> remainingSeconds() {
        Optional<Long> slowest = parts.stream()
                .map(ReprocessProgress::getRemainingSeconds)
                .filter(Objects::nonNull)
                .max(Long::compare);
        long left = Math.max(0, selected() - ended());
        OptionalDouble rate = perMinute();
        return rate.isEmpty()
                ? slowest
                : slowest.map(seconds -> Math.max(seconds, (long) Math.ceil(left * 60 / rate.getAsDouble())));
    }

    /** One line: a bar, counts, what is waited for, reasons, rate and the time left. */
    public String line() {
        if (parts.isEmpty()) {
            return "waiting for a worker to take it up";
        }
        long selected = selected();
        ReprocessCampaign campaign = parts.get(0).getCampaign();
        if (isOver(campaign.getPartitions()) && selected == 0 && campaign.getLiveShare() == null) {
            return NOTHING_FITS + "  partitions: " + phasesText();
        }
        if (campaign.getOutput() == CampaignOutput.COUNT) {
            return selected + " counted, nothing run  partitions: " + phasesText();
        }
        StringBuilder line = new StringBuilder(String.format(
                Locale.ROOT,
                "%s %d of %d done, %d skipped, %d failed  partitions: %s",
                ProgressText.bar(ended(), selected),
                sum(ReprocessProgress::getDone),
                selected,
                sum(ReprocessProgress::getSkipped),
                sum(ReprocessProgress::getFailed),
                phasesText()));
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

    private String phasesText() {
        return phases().entrySet().stream()
                .map(phase -> phase.getValue() + " " + phase.getKey())
                .collect(Collectors.joining(", "));
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
