package io.cloe.worker.results;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.schemas.Segmentation;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * How long a campaign will take if nothing else is to be done, judged by the results at hand. Plain functions.
 *
 * @param studies that it would run on
 * @param deviceMillis median time of a result on a device; empty without results
 * @param results that say so
 * @param workers that share the work, with a device each
 * @param seconds in all; empty if nothing says so
 */
public record CampaignEstimate(
        long studies, Optional<Long> deviceMillis, int results, int workers, Optional<Long> seconds) {

    private static final String ON_DEVICE = "infer";

    /**
     * Estimates.
     *
     * @param last results, the newest ones
     * @param ratePerMinute most studies started per minute
     */
    public static CampaignEstimate of(
            long studies, List<Segmentation> last, int workers, Optional<Double> ratePerMinute) {
        long[] times = last.stream()
                .map(result -> result.getTimingsMs().get(ON_DEVICE))
                .filter(time -> time != null) // a result from the cache took none
                .mapToLong(Long::longValue)
                .sorted()
                .toArray();
        Optional<Long> median = times.length == 0 ? Optional.empty() : Optional.of(times[times.length / 2]);
        Optional<Double> byDevice =
                median.filter(any -> workers > 0).map(millis -> studies * millis / 1_000.0 / workers);
        Optional<Double> byRate = ratePerMinute.map(rate -> studies * 60 / rate);
        Optional<Long> seconds = byDevice.isEmpty() && byRate.isEmpty()
                ? Optional.empty()
                : Optional.of((long) Math.ceil(Math.max(byDevice.orElse(0.0), byRate.orElse(0.0))));
        return new CampaignEstimate(studies, median, times.length, workers, seconds);
    }

    /** For people. */
    public String text() {
        String text = studies + (studies == 1 ? " study" : " studies");
        if (deviceMillis.isPresent()) {
            text += String.format(
                    Locale.ROOT,
                    "; the last %d results took %d ms on a device each (median), workers: %d",
                    results,
                    deviceMillis.get(),
                    workers);
        }
        return text
                + seconds.map(time -> "; about " + ProgressText.duration(time) + " without live work")
                        .orElse("; no result says how long that takes");
    }

    /** As a JSON object. */
    public ObjectNode json() {
        return JsonNodeFactory.instance
                .objectNode()
                .put("studies", studies)
                .put("deviceMillis", deviceMillis.orElse(null))
                .put("results", results)
                .put("workers", workers)
                .put("seconds", seconds.orElse(null));
    }
}
