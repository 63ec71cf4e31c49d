package io.cloe.topology.study;

import java.time.Duration;

/**
 * How studies are assembled.
 *
 * @param timeout how long to wait after a study's first usable scan
 * @param longestWait upper bound for deadlines that events and commands name
 * @param settle how long to collect further changes after a result before a new revision runs
 * @param retention how long a closed study is kept for late scans and reprocessing
 * @param required what must be there to run an incomplete study at its deadline
 * @param onIncomplete what happens at the deadline when {@code required} does not hold
 * @param retry how often and how soon a failed job is tried again
 * @param historyLimit steps kept per study
 */
public record StudyRules(
        Duration timeout,
        Duration longestWait,
        Duration settle,
        Duration retention,
        RequiredModalities required,
        OnIncomplete onIncomplete,
        Retry retry,
        int historyLimit) {

    /** What happens at the deadline to a study that lacks required modalities. */
    public enum OnIncomplete {
        /** Run with what is there. */
        RUN,
        /** Keep waiting until the required modalities are there or the retention ends. */
        WAIT,
        /** Close as failed; a later scan that satisfies the rule opens it again. */
        DISCARD
    }

    /**
     * Exponential backoff.
     *
     * @param attempts tries in all, at least 1
     * @param firstDelay wait before the second try; doubled for each further one
     * @param longestDelay upper bound of a wait
     */
    public record Retry(int attempts, Duration firstDelay, Duration longestDelay) {

        /** Wait after the given failed attempt, counted from 1. */
        public Duration delayAfter(int attempt) {
            Duration doubled = firstDelay.multipliedBy(1L << Math.min(attempt - 1, 20));
            return doubled.compareTo(longestDelay) < 0 ? doubled : longestDelay;
        }
    }

    /** The defaults: 15 minutes timeout, any one modality suffices. */
    public static StudyRules defaults() {
        return new StudyRules(
                Duration.ofMinutes(15),
                Duration.ofDays(7),
                Duration.ofSeconds(5),
                Duration.ofDays(30),
                RequiredModalities.any(),
                OnIncomplete.RUN,
                new Retry(5, Duration.ofSeconds(2), Duration.ofMinutes(5)),
                64);
    }
}
