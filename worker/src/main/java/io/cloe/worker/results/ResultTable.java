package io.cloe.worker.results;

import io.cloe.schemas.AbsentModality;
import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.ModalityGating;
import io.cloe.schemas.ScanReference;
import io.cloe.schemas.Segmentation;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** Results as lines of a table for people. */
public final class ResultTable {

    private static final String ROW = "%-16s %3s  %-10s %-18s %-14s %-41s %-61s %-22s %5s%n";

    private ResultTable() {}

    /** The table's head. */
    public static String header() {
        return String.format(
                ROW,
                "study",
                "rev",
                "trigger",
                "used",
                "missing",
                "weights",
                "consistency global/regional",
                "WT/TC/ET ml",
                "s");
    }

    /** One result. Regions that the model does not have are left out; undefined consistency is shown as a dash. */
    public static String row(Segmentation segmentation, GatingWeights weights) {
        return String.format(
                Locale.ROOT,
                ROW,
                segmentation.getStudyId(),
                segmentation.getRevision(),
                segmentation.getTrigger(),
                joined(segmentation.getUsed().stream()
                        .map(ScanReference::getModality)
                        .toList()),
                joined(segmentation.getMissing().stream()
                        .map(AbsentModality::getModality)
                        .toList()),
                weights.getModalities().stream()
                        .map(gating -> String.format(Locale.ROOT, "%s %.2f", gating.getModality(), gating.getWeight()))
                        .collect(Collectors.joining(" ")),
                consistency(weights.getModalities()),
                volumes(segmentation.getVolumesMl()),
                String.format(Locale.ROOT, "%.1f", segmentation.getTimingsMs().getOrDefault("total", 0L) / 1000.0));
    }

    private static String consistency(List<ModalityGating> gating) {
        return gating.stream()
                .map(one -> one.getConsistencyGlobal() == null && one.getConsistencyRegional() == null
                        ? "-"
                        : one.getModality() + " " + score(one.getConsistencyGlobal()) + "/"
                                + score(one.getConsistencyRegional()))
                .distinct()
                .collect(Collectors.joining(" "));
    }

    private static String score(Double value) {
        return value == null ? "-" : String.format(Locale.ROOT, "%.2f", value);
    }

    private static String volumes(Map<String, Double> ml) {
        return List.of("WT", "TC", "ET").stream()
                .map(region -> ml.containsKey(region) ? String.format(Locale.ROOT, "%.1f", ml.get(region)) : "-")
                .collect(Collectors.joining(" / "));
    }

    private static String joined(List<String> names) {
        return names.isEmpty() ? "-" : String.join(" ", names);
    }
}
