package io.cloe.worker.metrics;

import io.cloe.schemas.InferenceFault;
import io.cloe.schemas.InferenceFaults;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceOutcome;
import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.ModalityGating;
import io.cloe.schemas.Trigger;
import io.cloe.topology.InferenceExecutor;
import io.cloe.worker.execution.ResultSender;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/**
 * Measures jobs from outside: between the topology and the executor, which knows nothing of it, and between the executor and the
 * results topic.
 *
 * <p>The backlog is measured here because consumer lag does not show it: offsets are committed long before inference ends.
 *
 * <p>No meter is tagged with anything that a sender chooses freely; a modality is one that a loaded bundle knows, a site one that the
 * configuration names. For any number of threads.
 */
public final class JobMeters {

    private static final Duration[] STAGE_BUCKETS = {
        Duration.ofMillis(10),
        Duration.ofMillis(50),
        Duration.ofMillis(100),
        Duration.ofMillis(250),
        Duration.ofMillis(500),
        Duration.ofSeconds(1),
        Duration.ofMillis(2_500),
        Duration.ofSeconds(5),
        Duration.ofSeconds(10),
        Duration.ofSeconds(30),
        Duration.ofMinutes(1),
        Duration.ofMinutes(5),
        Duration.ofMinutes(15)
    };
    private static final String OTHER_SITES = "other";
    private static final double[] WEIGHT_BUCKETS = {0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95};
    private static final double[] CONSISTENCY_BUCKETS = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9};

    private final MeterRegistry registry;
    private final Clock clock;
    private final Set<String> sites;
    private final Map<String, Unfinished> unfinished = new ConcurrentHashMap<>();

    /**
     * Registers the meters.
     *
     * @param clock tells a waiting job's age
     * @param sites for which the model's weights are told apart; studies of others are measured together
     */
    public JobMeters(MeterRegistry registry, Clock clock, Collection<String> sites) {
        this.registry = registry;
        this.clock = clock;
        this.sites = Set.copyOf(sites);
        Gauge.builder("cloe.backlog.jobs", unfinished, Map::size)
                .description("Jobs that wait or run on this worker.")
                .register(registry);
        Gauge.builder(
                        "cloe.backlog.oldest.age",
                        this,
                        meters -> meters.oldestAge().toMillis() / 1_000.0)
                .description("How long the longest waiting of them has waited; 0 without any.")
                .baseUnit("seconds")
                .register(registry);
    }

    private Duration oldestAge() {
        Instant now = clock.instant();
        // Queued by a clock that may be ahead of this one; and not a Duration between, which refuses absurd times.
        long oldest = unfinished.values().stream()
                .mapToLong(job -> now.toEpochMilli() - job.queuedAt().toEpochMilli())
                .max()
                .orElse(0);
        return Duration.ofMillis(Math.max(0, oldest));
    }

    /** Puts a meter before an executor. */
    public InferenceExecutor around(InferenceExecutor executor) {
        return InferenceExecutor.wrapping(executor, partition -> new MeteredLease(executor.open(partition)));
    }

    /** Puts a meter behind an executor. */
    public ResultSender around(ResultSender sender) {
        return new ResultSender() {
            @Override
            public void send(int partition, InferenceResult result) {
                measure(result);
                sender.send(partition, result);
            }

            @Override
            public void claim(int partition) {
                sender.claim(partition);
            }
        };
    }

    private void measure(InferenceResult result) {
        Unfinished job = unfinished.remove(result.getJobId());
        if (result.getBody() instanceof InferenceOutcome outcome) {
            measure(
                    outcome,
                    (job == null ? Trigger.UNKNOWN : job.trigger()).name(),
                    job == null || job.site() == null || !sites.contains(job.site()) ? OTHER_SITES : job.site());
        } else if (result.getBody() instanceof InferenceFaults faults) {
            faults.getFaults().forEach(this::count);
        }
    }

    private void measure(InferenceOutcome outcome, String trigger, String site) {
        String family = outcome.getModel().getFamily();
        outcome.getTimingsMs().forEach((stage, millis) -> stage(stage).record(Duration.ofMillis(millis)));
        String subset = outcome.getGating().stream()
                .map(ModalityGating::getModality)
                .sorted()
                .collect(Collectors.joining("+"));
        Counter.builder("cloe.results")
                .description("Inferences done, by what was used and why. One that is done again counts again.")
                .tag("family", family)
                .tag("modalities", subset)
                .tag("trigger", trigger)
                .register(registry)
                .increment();
        outcome.getFlags().forEach(flag -> Counter.builder("cloe.flags")
                .description("Review flags given.")
                .tag("flag", flag)
                .register(registry)
                .increment());
        outcome.getGating().forEach(gating -> measure(family, gating, site));
    }

    private void measure(String family, ModalityGating gating, String site) {
        summary("cloe.gate.weight", "Weights of modalities.", WEIGHT_BUCKETS, family, gating, site)
                .record(gating.getWeight());
        if (gating.getConsistencyGlobal() != null) {
            summary(
                            "cloe.consistency.global",
                            "Global consistency, negative ones as 0.",
                            CONSISTENCY_BUCKETS,
                            family,
                            gating,
                            site)
                    .record(Math.max(0, gating.getConsistencyGlobal()));
        }
        if (gating.getConsistencyRegional() != null) {
            summary(
                            "cloe.consistency.regional",
                            "Regional consistency, negative ones as 0.",
                            CONSISTENCY_BUCKETS,
                            family,
                            gating,
                            site)
                    .record(Math.max(0, gating.getConsistencyRegional()));
        }
    }

    private DistributionSummary summary(
            String name, String description, double[] buckets, String family, ModalityGating gating, String site) {
        return DistributionSummary.builder(name)
                .description(description)
                .tag("family", family)
                .tag("modality", gating.getModality())
                .tag("site", site)
                .serviceLevelObjectives(buckets)
                .register(registry);
    }

    private Timer stage(String stage) {
        return Timer.builder("cloe.stage")
                .description("Time of each stage of a job.")
                .tag("stage", stage)
                .serviceLevelObjectives(STAGE_BUCKETS)
                .register(registry);
    }

    private void count(InferenceFault fault) {
        Counter.builder("cloe.failures")
                .description("Faults of jobs by reason.")
                .tag("reason", fault.getReason().name())
                .tag("retriable", String.valueOf(fault.getRetriable()))
                .register(registry)
                .increment();
    }

    /**
     * A job that waits or runs.
     *
     * @param queuedAt when its study was closed
     * @param trigger why it runs
     * @param site where its study comes from; may be null
     * @param lease whose job it is
     */
    private record Unfinished(Instant queuedAt, Trigger trigger, String site, InferenceExecutor.Lease lease) {}

    private final class MeteredLease implements InferenceExecutor.Lease {

        private final InferenceExecutor.Lease lease;

        MeteredLease(InferenceExecutor.Lease lease) {
            this.lease = lease;
        }

        @Override
        public void submit(InferenceJob job) {
            unfinished.put(job.getJobId(), new Unfinished(job.getQueuedAt(), job.getTrigger(), job.getSite(), lease));
            lease.submit(job);
        }

        @Override
        public void cancel(String jobId) {
            unfinished.remove(jobId);
            lease.cancel(jobId);
        }

        /** Running jobs may finish, but from now on they are in another lease's backlog, on this worker or another. */
        @Override
        public void close() {
            unfinished.values().removeIf(job -> job.lease() == lease);
            lease.close();
        }
    }
}
