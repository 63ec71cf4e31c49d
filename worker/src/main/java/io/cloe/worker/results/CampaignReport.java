package io.cloe.worker.results;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.schemas.ModelComparison;
import io.cloe.schemas.ModelReference;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/** What a campaign's comparisons say together: a table, and the studies that changed most. Plain functions. */
public final class CampaignReport {

    private static final int MOST_CHANGED = 20;

    private CampaignReport() {}

    /**
     * The report as text.
     *
     * @param comparisons of one campaign, one per study
     * @param page address of the review page, to link studies to; empty for none
     */
    public static String text(List<ModelComparison> comparisons, String page) {
        StringBuilder text = new StringBuilder();
        line(
                text,
                "%s compared with %s",
                names(comparisons, ModelComparison::getAfter),
                names(comparisons, ModelComparison::getBefore));
        line(text, "%s compared, %d with the same mask byte for byte", studies(comparisons.size()), same(comparisons));
        long other = otherScans(comparisons);
        if (other > 0) {
            line(text, "%s with other scans than their former result", studies(other));
        }
        long incomparable = incomparable(comparisons);
        if (incomparable > 0) {
            line(text, "%s whose masks cannot be compared, as the former one cannot be read", studies(incomparable));
        }
        line(text, "");
        line(text, "%-10s %8s %26s   %19s", "", "", "Dice", "change of volume, ml");
        line(
                text,
                "%-10s %8s %8s %8s %8s   %9s %9s",
                "region",
                "studies",
                "mean",
                "median",
                "lowest",
                "mean",
                "largest");
        dice(comparisons)
                .forEach((region, values) -> line(
                        text,
                        "%-10s %8d %8.3f %8.3f %8.3f   %+9.2f %+9.2f",
                        region,
                        values.size(),
                        mean(values),
                        values.get(values.size() / 2),
                        values.get(0),
                        mean(volumeChanges(comparisons, region)),
                        largest(volumeChanges(comparisons, region))));
        line(text, "");
        Map<String, List<Double>> consistency = drift(comparisons, ModelComparison::getConsistencyChange);
        Map<String, List<Double>> weights = drift(comparisons, CampaignReport::weightChange);
        Set<String> modalities = new TreeSet<>(consistency.keySet());
        modalities.addAll(weights.keySet());
        if (!modalities.isEmpty()) {
            line(text, "%-10s %21s   %21s", "change of", "consistency", "weight");
            line(text, "%-10s %10s %10s   %10s %10s", "modality", "mean", "largest", "mean", "largest");
            modalities.forEach(modality -> line(
                    text,
                    "%-10s %s   %s",
                    modality,
                    meanAndLargest(consistency.getOrDefault(modality, List.of())),
                    meanAndLargest(weights.getOrDefault(modality, List.of()))));
            line(text, "");
        }
        inferenceMillis(comparisons, ModelComparison::getTimingsMsBefore)
                .ifPresent(before -> inferenceMillis(comparisons, ModelComparison::getTimingsMsAfter)
                        .ifPresent(after ->
                                line(text, "time on a device, ms (median): before %.0f, after %.0f", before, after)));
        counts(comparisons, ModelComparison::getFlagsRaised)
                .forEach((flag, count) -> line(text, "flag raised %s %d", flag, count));
        counts(comparisons, ModelComparison::getFlagsCleared)
                .forEach((flag, count) -> line(text, "flag cleared %s %d", flag, count));
        List<ModelComparison> changed = mostChanged(comparisons);
        line(text, changed.isEmpty() ? "no study changed" : "changed most (lowest Dice of a region):");
        for (ModelComparison comparison : changed) {
            line(
                    text,
                    "  %.3f  %s%s",
                    lowest(comparison),
                    comparison.getStudyId(),
                    link(comparison, page).map(link -> "  " + link).orElse(""));
        }
        return text.toString();
    }

    /** The models that made one side, by id and version. */
    static String names(List<ModelComparison> comparisons, Function<ModelComparison, ModelReference> side) {
        return comparisons.stream()
                .map(side)
                .map(model -> model.getId() + " " + model.getVersion())
                .distinct()
                .sorted()
                .collect(Collectors.joining(", "));
    }

    static String studies(long count) {
        return count + (count == 1 ? " study" : " studies");
    }

    private static String meanAndLargest(List<Double> changes) {
        return changes.isEmpty()
                ? String.format("%10s %10s", "-", "-")
                : String.format(Locale.ROOT, "%+10.4f %+10.4f", mean(changes), largest(changes));
    }

    /** The same as a JSON object. */
    public static ObjectNode json(List<ModelComparison> comparisons, String page) {
        ObjectNode report = JsonNodeFactory.instance.objectNode();
        report.put("studies", comparisons.size())
                .put("sameMask", same(comparisons))
                .put("otherScans", otherScans(comparisons))
                .put("incomparable", incomparable(comparisons));
        ObjectNode regions = report.putObject("regions");
        dice(comparisons).forEach((region, values) -> regions.putObject(region)
                .put("studies", values.size())
                .put("mean", mean(values))
                .put("median", values.get(values.size() / 2))
                .put("lowest", values.get(0))
                .put("volumeChangeMl", mean(volumeChanges(comparisons, region)))
                .put("largestVolumeChangeMl", largest(volumeChanges(comparisons, region))));
        Map<String, List<Double>> consistency = drift(comparisons, ModelComparison::getConsistencyChange);
        put(report, "consistencyChange", consistency, CampaignReport::mean);
        put(report, "largestConsistencyChange", consistency, CampaignReport::largest);
        Map<String, List<Double>> weights = drift(comparisons, CampaignReport::weightChange);
        put(report, "weightChange", weights, CampaignReport::mean);
        put(report, "largestWeightChange", weights, CampaignReport::largest);
        inferenceMillis(comparisons, ModelComparison::getTimingsMsBefore)
                .ifPresent(millis -> report.put("inferenceMsBefore", millis));
        inferenceMillis(comparisons, ModelComparison::getTimingsMsAfter)
                .ifPresent(millis -> report.put("inferenceMsAfter", millis));
        ObjectNode raised = report.putObject("flagsRaised");
        counts(comparisons, ModelComparison::getFlagsRaised).forEach(raised::put);
        ObjectNode cleared = report.putObject("flagsCleared");
        counts(comparisons, ModelComparison::getFlagsCleared).forEach(cleared::put);
        ArrayNode changed = report.putArray("changedMost");
        for (ModelComparison comparison : mostChanged(comparisons)) {
            changed.addObject()
                    .put("studyId", comparison.getStudyId())
                    .put("lowestDice", lowest(comparison))
                    .put("page", link(comparison, page).orElse(null));
        }
        return report;
    }

    private static void put(
            ObjectNode report, String name, Map<String, List<Double>> changes, ToDoubleFunction<List<Double>> summary) {
        ObjectNode byModality = report.putObject(name);
        changes.forEach((modality, values) -> byModality.put(modality, summary.applyAsDouble(values)));
    }

    /** Where the review page shows a study. */
    private static Optional<String> link(ModelComparison comparison, String page) {
        return page.isEmpty()
                ? Optional.empty()
                : Optional.of(page.replaceFirst("/+$", "") + "/#"
                        + URLEncoder.encode(comparison.getStudyId(), StandardCharsets.UTF_8)
                                .replace("+", "%20"));
    }

    private static Map<String, Double> weightChange(ModelComparison comparison) {
        return comparison.getChange() == null
                ? Map.of()
                : comparison.getChange().getWeightChange();
    }

    /** Changes per modality, of the studies that have one. */
    private static Map<String, List<Double>> drift(
            List<ModelComparison> comparisons, Function<ModelComparison, Map<String, Double>> change) {
        Map<String, List<Double>> byModality = new TreeMap<>();
        comparisons.forEach(comparison -> change.apply(comparison).forEach((modality, value) -> byModality
                .computeIfAbsent(modality, any -> new ArrayList<>())
                .add(value)));
        return byModality;
    }

    private static OptionalDouble inferenceMillis(
            List<ModelComparison> comparisons, Function<ModelComparison, Map<String, Long>> timings) {
        long[] sorted = comparisons.stream()
                .map(comparison -> timings.apply(comparison).get("infer"))
                .filter(Objects::nonNull)
                .mapToLong(Long::longValue)
                .sorted()
                .toArray();
        return sorted.length == 0 ? OptionalDouble.empty() : OptionalDouble.of(sorted[sorted.length / 2]);
    }

    static void line(StringBuilder text, String format, Object... values) {
        text.append(String.format(Locale.ROOT, format, values)).append(System.lineSeparator());
    }

    private static long same(List<ModelComparison> comparisons) {
        return comparisons.stream().filter(ModelComparison::getSameMask).count();
    }

    /** Dice values per region, sorted. */
    static Map<String, List<Double>> dice(List<ModelComparison> comparisons) {
        Map<String, List<Double>> byRegion = new TreeMap<>();
        for (ModelComparison comparison : comparisons) {
            if (comparison.getChange() != null) {
                comparison.getChange().getDice().forEach((region, value) -> byRegion.computeIfAbsent(
                                region, any -> new ArrayList<>())
                        .add(value));
            }
        }
        byRegion.values().forEach(values -> values.sort(Comparator.naturalOrder()));
        return byRegion;
    }

    private static double mean(List<Double> values) {
        return values.stream().mapToDouble(value -> value).average().orElse(Double.NaN);
    }

    /** The one farthest from 0, with its sign: changes in both directions cancel each other out in the mean. */
    private static double largest(List<Double> values) {
        return values.stream().max(Comparator.comparingDouble(Math::abs)).orElse(Double.NaN);
    }

    private static List<Double> volumeChanges(List<ModelComparison> comparisons, String region) {
        return comparisons.stream()
                .filter(one -> one.getVolumesMlBefore().containsKey(region)
                        && one.getVolumesMlAfter().containsKey(region))
                .map(one -> one.getVolumesMlAfter().get(region)
                        - one.getVolumesMlBefore().get(region))
                .toList();
    }

    private static long otherScans(List<ModelComparison> comparisons) {
        return comparisons.stream().filter(one -> !one.getSameScans()).count();
    }

    private static long incomparable(List<ModelComparison> comparisons) {
        return comparisons.stream().filter(one -> one.getChange() == null).count();
    }

    private static Map<String, Long> counts(
            List<ModelComparison> comparisons, Function<ModelComparison, List<String>> flags) {
        Map<String, Long> counts = new TreeMap<>();
        comparisons.forEach(comparison -> flags.apply(comparison).forEach(flag -> counts.merge(flag, 1L, Long::sum)));
        return counts;
    }

    private static List<ModelComparison> mostChanged(List<ModelComparison> comparisons) {
        return comparisons.stream()
                .filter(comparison -> comparison.getChange() != null && !comparison.getSameMask())
                .sorted(Comparator.comparingDouble(CampaignReport::lowest))
                .limit(MOST_CHANGED)
                .toList();
    }

    private static double lowest(ModelComparison comparison) {
        return comparison.getChange().getDice().values().stream()
                .mapToDouble(value -> value)
                .min()
                .orElse(1);
    }
}
