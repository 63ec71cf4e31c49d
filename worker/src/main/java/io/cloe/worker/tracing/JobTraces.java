package io.cloe.worker.tracing;

import io.cloe.schemas.InferenceFault;
import io.cloe.schemas.InferenceFaults;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceOutcome;
import io.cloe.schemas.InferenceResult;
import io.cloe.topology.InferenceExecutor;
import io.cloe.worker.execution.ResultSender;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/**
 * Makes a span per job, from the moment its study was closed to its result, with one span per stage in it. They continue the trace of
 * the event that closed the study, by its W3C {@code traceparent}; an event without one begins a trace.
 *
 * <p>Stands before and behind an executor, as {@code JobMeters} does, and makes spans when a job ends, from its measured times. No span
 * holds a study id or a location. For any number of threads.
 */
public final class JobTraces {

    private static final String TRACEPARENT = "traceparent";

    /** The order in which a job passes them; its timings are durations only. */
    private static final List<String> STAGES = List.of("queue", "decode", "device-queue", "infer", "measure", "write");

    private static final TextMapGetter<Map<String, String>> HEADERS = new TextMapGetter<>() {
        @Override
        public Iterable<String> keys(Map<String, String> carrier) {
            return carrier.keySet();
        }

        @Override
        public String get(Map<String, String> carrier, String key) {
            return carrier == null ? null : carrier.get(key);
        }
    };

    private final Tracer tracer;
    private final Clock clock;
    private final Map<String, Started> running = new ConcurrentHashMap<>();

    /**
     * What a span needs of a job that has not ended.
     *
     * @param job the job, without its scans' locations
     * @param lease whose job it is
     */
    private record Started(Description job, InferenceExecutor.Lease lease) {}

    private record Description(
            String traceparent,
            Instant queuedAt,
            String family,
            String modalities,
            String trigger,
            int revision,
            int attempt) {

        static Description of(InferenceJob job) {
            return new Description(
                    job.getTraceparent(),
                    job.getQueuedAt(),
                    job.getFamily(),
                    job.getScans().stream()
                            .map(scan -> scan.getScan().getModality())
                            .sorted()
                            .collect(Collectors.joining("+")),
                    job.getTrigger().name(),
                    job.getRevision(),
                    job.getAttempt());
        }
    }

    /** @param clock when jobs end */
    public JobTraces(Tracer tracer, Clock clock) {
        this.tracer = tracer;
        this.clock = clock;
    }

    /** Notes jobs on their way to an executor. */
    public InferenceExecutor around(InferenceExecutor executor) {
        return InferenceExecutor.wrapping(executor, partition -> {
            InferenceExecutor.Lease lease = executor.open(partition);
            return new InferenceExecutor.Lease() {
                @Override
                public void submit(InferenceJob job) {
                    running.put(job.getJobId(), new Started(Description.of(job), lease));
                    lease.submit(job);
                }

                @Override
                public void cancel(String jobId) {
                    running.remove(jobId);
                    lease.cancel(jobId);
                }

                @Override
                public void close() {
                    running.values().removeIf(started -> started.lease() == lease);
                    lease.close();
                }
            };
        });
    }

    /** Makes spans of results on their way from an executor. */
    public ResultSender around(ResultSender sender) {
        return new ResultSender() {
            @Override
            public void send(int partition, InferenceResult result) {
                Started started = running.remove(result.getJobId());
                if (started != null) {
                    trace(result, started.job());
                }
                sender.send(partition, result);
            }

            @Override
            public void claim(int partition) {
                sender.claim(partition);
            }
        };
    }

    private void trace(InferenceResult result, Description job) {
        Map<String, String> headers = job.traceparent() == null ? Map.of() : Map.of(TRACEPARENT, job.traceparent());
        Context parent = W3CTraceContextPropagator.getInstance().extract(Context.root(), headers, HEADERS);
        Span span = tracer.spanBuilder("study")
                .setParent(parent)
                .setSpanKind(SpanKind.CONSUMER)
                .setStartTimestamp(job.queuedAt())
                .setAttribute("cloe.job", result.getJobId())
                .setAttribute("cloe.family", job.family())
                .setAttribute("cloe.modalities", job.modalities())
                .setAttribute("cloe.trigger", job.trigger())
                .setAttribute("cloe.revision", (long) job.revision())
                .setAttribute("cloe.attempt", (long) job.attempt())
                .startSpan();
        if (result.getBody() instanceof InferenceOutcome outcome) {
            stages(outcome.getTimingsMs(), job.queuedAt(), Context.root().with(span));
        } else if (result.getBody() instanceof InferenceFaults faults) {
            span.setStatus(
                    StatusCode.ERROR,
                    faults.getFaults().stream()
                            .map(InferenceFault::getReason)
                            .distinct()
                            .map(Enum::name)
                            .collect(Collectors.joining(" ")));
        }
        Instant end = clock.instant();
        span.end(end.isBefore(job.queuedAt()) ? job.queuedAt() : end); // the clock may have been set back
    }

    private void stages(Map<String, Long> timingsMs, Instant from, Context parent) {
        Instant start = from;
        for (String stage : STAGES) {
            Long millis = timingsMs.get(stage);
            if (millis != null) {
                Instant end = start.plusMillis(millis);
                tracer.spanBuilder(stage)
                        .setParent(parent)
                        .setStartTimestamp(start)
                        .startSpan()
                        .end(end);
                start = end;
            }
        }
    }
}
