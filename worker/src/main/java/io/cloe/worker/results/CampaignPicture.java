package io.cloe.worker.results;

import static io.cloe.worker.results.CampaignReport.line;

import io.cloe.schemas.ModelComparison;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** What a campaign's comparisons say together, as a picture. Plain functions. */
public final class CampaignPicture {

    private static final int BINS = 20;
    private static final int HEADING = 24;
    private static final int ROW_HEIGHT = 120;

    private CampaignPicture() {}

    /** Histograms of Dice, one row per region, as an SVG picture. */
    public static String svg(List<ModelComparison> comparisons) {
        Map<String, List<Double>> byRegion = CampaignReport.dice(comparisons);
        StringBuilder svg = new StringBuilder();
        line(
                svg,
                "<svg xmlns='http://www.w3.org/2000/svg' width='480' height='%d' font-family='sans-serif' font-size='12'>",
                byRegion.size() * ROW_HEIGHT + HEADING + 10);
        line(svg, "<rect width='100%%' height='100%%' fill='white'/>");
        line(
                svg,
                "<text x='4' y='18'>%s compared with %s, Dice, %s</text>",
                xml(CampaignReport.names(comparisons, ModelComparison::getAfter)),
                xml(CampaignReport.names(comparisons, ModelComparison::getBefore)),
                CampaignReport.studies(comparisons.size()));
        int bottom = HEADING;
        for (Map.Entry<String, List<Double>> region : byRegion.entrySet()) {
            bottom += ROW_HEIGHT;
            histogram(svg, region.getKey(), region.getValue(), bottom - 20);
        }
        return svg.append("</svg>").append(System.lineSeparator()).toString();
    }

    private static void histogram(StringBuilder svg, String region, List<Double> values, int bottom) {
        int[] bins = new int[BINS];
        values.forEach(value -> bins[(int) Math.min(BINS - 1, Math.max(0, value) * BINS)]++);
        int highest = Math.max(1, Arrays.stream(bins).max().orElse(1));
        line(svg, "<text x='4' y='%d' font-weight='bold'>%s</text>", bottom - 40, xml(region));
        for (int bin = 0; bin < BINS; bin++) {
            if (bins[bin] > 0) {
                int height = Math.max(1, 80 * bins[bin] / highest);
                int left = 60 + bin * 20;
                line(svg, "<rect x='%d' y='%d' width='18' height='%d' fill='#3b6ea5'/>", left, bottom - height, height);
                line(
                        svg,
                        "<text x='%d' y='%d' text-anchor='middle' font-size='10' class='studies'>%d</text>",
                        left + 9,
                        bottom - height - 3,
                        bins[bin]);
            }
        }
        line(svg, "<line x1='58' y1='%d' x2='460' y2='%d' stroke='#888'/>", bottom, bottom);
        for (String tick : List.of("0", "0.5", "1")) {
            line(
                    svg,
                    "<text x='%.0f' y='%d' text-anchor='middle'>%s</text>",
                    59 + 400 * Double.parseDouble(tick),
                    bottom + 14,
                    tick);
        }
    }

    private static String xml(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;");
    }
}
