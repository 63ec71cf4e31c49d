package io.cloe.worker.results;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.schemas.ModelComparison;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;
import java.util.function.Function;

/** What a campaign's comparisons say together: a table, the studies that changed most, and a histogram. Plain functions. */
public final class CampaignReport {

    private static final int MOST_CHANGED = 20;
    private static final int BINS = 20;

    private CampaignReport() {}

    /**
     * The report as text.
     *
     * @param comparisons of one campaign, one per study
     * @param page address of the review page, to link studies to; empty for none
     */
    public static String text(List<ModelComparison> comparisons, String page) {
        StringBuilder text = new StringBuilder();
        line(text, "%d studies compared, %d with the same mask byte for byte", comparisons.size(), same(comparisons));
        line(text, "%-8s %8s %8s %8s %8s %14s", "region", "studies", "mean", "median", "lowest", "volume ml");
        dice(comparisons)
                .forEach((region, values) -> line(
                        text,
                        "%-8s %8d %8.3f %8.3f %8.3f %+14.2f",
                        region,
                        values.size(),
                        mean(values),
                        values.get(values.size() / 2),
                        values.get(0),
                        meanVolumeChange(comparisons, region)));
        drift(comparisons, ModelComparison::getConsistencyChange)
                .forEach((modality, change) -> line(text, "consistency of %s %+.4f (mean)", modality, change));
        drift(comparisons, CampaignReport::weightChange)
                .forEach((modality, change) -> line(text, "weight of %s %+.4f (mean)", modality, change));
        inferenceMillis(comparisons, ModelComparison::getTimingsMsBefore)
                .ifPresent(before -> inferenceMillis(comparisons, ModelComparison::getTimingsMsAfter)
                        .ifPresent(after ->
                                line(text, "time on a device, ms (median): before %.0f, after %.0f", before, after)));
        counts(comparisons, ModelComparison::getFlagsRaised)
                .forEach((flag, count) -> line(text, "flag raised %s %d", flag, count));
        counts(comparisons, ModelComparison::getFlagsCleared)
                .forEach((flag, count) -> line(text, "flag cleared %s %d", flag, count));
        long incomparable = comparisons.stream()
                .filter(comparison -> comparison.getChange() == null)
                .count();
        if (incomparable > 0) {
            line(text, "%d studies whose masks cannot be compared, as the former one cannot be read", incomparable);
        }
        line(text, "changed most (lowest Dice of a region):");
        for (ModelComparison comparison : mostChanged(comparisons)) {
            line(
                    text,
                    "  %.3f  %s%s",
                    lowest(comparison),
                    comparison.getStudyId(),
                    link(comparison, page).map(link -> "  " + link).orElse(""));
        }
        return text.toString();
    }

    /** The same as a JSON object. */
    public static ObjectNode json(List<ModelComparison> comparisons, String page) {
        ObjectNode report = JsonNodeFactory.instance.objectNode();
        report.put("studies", comparisons.size()).put("sameMask", same(comparisons));
        ObjectNode regions = report.putObject("regions");
        dice(comparisons).forEach((region, values) -> regions.putObject(region)
                .put("studies", values.size())
                .put("mean", mean(values))
                .put("median", values.get(values.size() / 2))
                .put("lowest", values.get(0))
                .put("volumeChangeMl", meanVolumeChange(comparisons, region)));
        ObjectNode consistency = report.putObject("consistencyChange");
        drift(comparisons, ModelComparison::getConsistencyChange).forEach(consistency::put);
        ObjectNode weights = report.putObject("weightChange");
        drift(comparisons, CampaignReport::weightChange).forEach(weights::put);
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

    /** Mean change per modality, over the studies that have one. */
    private static Map<String, Double> drift(
            List<ModelComparison> comparisons, Function<ModelComparison, Map<String, Double>> change) {
        Map<String, List<Double>> byModality = new TreeMap<>();
        comparisons.forEach(comparison -> change.apply(comparison).forEach((modality, value) -> byModality
                .computeIfAbsent(modality, any -> new ArrayList<>())
                .add(value)));
        Map<String, Double> means = new TreeMap<>();
        byModality.forEach((modality, values) -> means.put(modality, mean(values)));
        return means;
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

    private static void line(StringBuilder text, String format, Object... values) {
        text.append(String.format(Locale.ROOT, format, values)).append(System.lineSeparator());
    }

    private static long same(List<ModelComparison> comparisons) {
        return comparisons.stream().filter(ModelComparison::getSameMask).count();
    }

    /** Dice values per region, sorted. */
    private static Map<String, List<Double>> dice(List<ModelComparison> comparisons) {
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

    private static double meanVolumeChange(List<ModelComparison> comparisons, String region) {
        return comparisons.stream()
                .filter(one -> one.getVolumesMlBefore().containsKey(region)
                        && one.getVolumesMlAfter().containsKey(region))
                .mapToDouble(one -> one.getVolumesMlAfter().get(region)
                        - one.getVolumesMlBefore().get(region))
                .average()
                .orElse(Double.NaN);
    }

    private static Map<String, Long> counts(
            List<ModelComparison> comparisons, Function<ModelComparison, List<String>> flags) {
        Map<String, Long> counts = new TreeMap<>();
        comparisons.forEach(comparison -> flags.apply(comparison).forEach(flag -> counts.merge(flag, 1L, Long::sum)));
        return counts;
    }

    private static List<ModelComparison> mostChanged(List<ModelComparison> comparisons) {
        return comparisons.stream()
                .filter(comparison -> comparison.getChange() != null)
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

    /** Histograms of Dice, one row per region, as an SVG picture. */
    public static String svg(List<ModelComparison> comparisons) {
        Map<String, List<Double>> byRegion = dice(comparisons);
        StringBuilder svg = new StringBuilder();
        line(
                svg,
                "<svg xmlns='http://www.w3.org/2000/svg' width='480' height='%d' font-family='sans-serif' font-size='12'>",
                byRegion.size() * 120 + 10);
        int row = 0;
        for (Map.Entry<String, List<Double>> region : byRegion.entrySet()) {
            int[] bins = new int[BINS];
            region.getValue().forEach(value -> bins[(int) Math.min(BINS - 1, Math.max(0, value) * BINS)]++);
            int highest = Arrays.stream(bins).max().orElse(1);
            int bottom = row * 120 + 100;
            for (int bin = 0; bin < BINS; bin++) {
                int height = 80 * bins[bin] / Math.max(1, highest);
                line(
                        svg,
                        "<rect x='%d' y='%d' width='18' height='%d' fill='#3b6ea5'><title>%d</title></rect>",
                        60 + bin * 20,
                        bottom - height,
                        height,
                        bins[bin]);
            }
            line(svg, "<text x='4' y='%d'>%s</text>", bottom - 40, xml(region.getKey()));
            line(svg, "<text x='56' y='%d'>0</text><text x='420' y='%d'>Dice 1</text>", bottom + 14, bottom + 14);
            row++;
        }
        return svg.append("</svg>").append(System.lineSeparator()).toString();
    }

    private static String xml(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;");
    }
}
