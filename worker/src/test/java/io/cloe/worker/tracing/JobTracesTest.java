package io.cloe.worker.tracing;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import io.cloe.schemas.FailureReason;
import io.cloe.schemas.InferenceFault;
import io.cloe.schemas.InferenceFaults;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceOutcome;
import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.JobScan;
import io.cloe.schemas.MaskReference;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.ScanReference;
import io.cloe.schemas.Trigger;
import io.cloe.schemas.VolumeReference;
import io.cloe.topology.InferenceExecutor;
import io.cloe.worker.execution.ResultSender;
import io.opentelemetry.api.trace.SpanId;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

class JobTracesTest {

    private static final Instant QUEUED = Instant.parse("2026-01-05T08:00:00Z");
    private static final Clock ENDED = Clock.fixed(QUEUED.plusMillis(1_000), ZoneOffset.UTC);
    private static final String TRACE = "0af7651916cd43dd8448eb211c80319c";
    private static final String SPAN = "b7ad6b7169203331";

    private final InMemorySpanExporter spans = InMemorySpanExporter.create();
    private final Tracer tracer = SdkTracerProvider.builder()
            .addSpanProcessor(SimpleSpanProcessor.create(spans))
            .build()
            .get("test");

    private static final class NoLease implements InferenceExecutor.Lease {
        @Override
        public void submit(InferenceJob job) {
            // The test ends jobs itself.
        }

        @Override
        public void cancel(String jobId) {
            // Nothing runs.
        }

        @Override
        public void close() {
            // Nothing to free.
        }
    }

    private static final class NoSender implements ResultSender {
        @Override
        public void send(int partition, InferenceResult result) {
            // Nobody listens.
        }

        @Override
        public void claim(int partition) {
            // Nobody listens.
        }
    }

    private static void run(Tracer tracer, String traceparent, Object body) {
        JobTraces traces = new JobTraces(tracer, ENDED);
        traces.around((InferenceExecutor) partition -> new NoLease())
                .open(0)
                .submit(InferenceJob.newBuilder()
                        .setJobId("job-1")
                        .setStudyId("PLANTED-STUDY")
                        .setFamily("brain-glioma")
                        .setRevision(2)
                        .setTrigger(Trigger.DEADLINE)
                        .setAttempt(1)
                        .setPriority(0)
                        .setScans(List.of(new JobScan(
                                new ScanReference("T1", "PLANTED-EVENT", 0),
                                new VolumeReference("file:///PLANTED-PATH", "nifti", null, null))))
                        .setQueuedAt(QUEUED)
                        .setTraceparent(traceparent)
                        .build());
        traces.around(new NoSender()).send(0, new InferenceResult("job-1", "PLANTED-STUDY", body));
    }

    private static InferenceOutcome outcome() {
        return InferenceOutcome.newBuilder()
                .setModel(new ModelReference("brain-glioma", "cloe", "1", "ab"))
                .setMask(MaskReference.newBuilder()
                        .setUri("file:///PLANTED-PATH/mask")
                        .setSha256("00")
                        .setSizeBytes(1)
                        .setLabelScheme("x")
                        .setDims(List.of())
                        .setAffine(List.of())
                        .build())
                .setVolumesMl(Map.of())
                .setGating(List.of())
                .setGateActed(false)
                .setFlags(List.of())
                .setTimingsMs(Map.of("queue", 100L, "decode", 200L, "infer", 600L, "write", 50L))
                .setInputDigest("d")
                .setFinishedAt(QUEUED.plusMillis(1_000))
                .build();
    }

    private SpanData span(String name) {
        return spans.getFinishedSpanItems().stream()
                .filter(span -> span.getName().equals(name))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void shouldContinueTheEventsTraceWhenAJobEnds() {
        run(tracer, "00-" + TRACE + "-" + SPAN + "-01", outcome());

        SpanData study = span("study");
        assertThat(study.getTraceId()).isEqualTo(TRACE);
        assertThat(study.getParentSpanId()).isEqualTo(SPAN);
        assertThat(study.getEndEpochNanos() - study.getStartEpochNanos()).isEqualTo(1_000_000_000L);
        assertThat(spans.getFinishedSpanItems())
                .extracting(SpanData::getName)
                .containsExactly("queue", "decode", "infer", "write", "study");
        SpanData infer = span("infer");
        assertThat(infer.getParentSpanId()).isEqualTo(study.getSpanId());
        assertThat(infer.getStartEpochNanos() - study.getStartEpochNanos()).isEqualTo(300_000_000L);
        assertThat(infer.getEndEpochNanos() - infer.getStartEpochNanos()).isEqualTo(600_000_000L);
        assertThat(spans.getFinishedSpanItems().toString()).doesNotContain("PLANTED");
    }

    @ParameterizedTest
    @NullSource
    @ValueSource(
            strings = {"", "00-aa-bb-01", "\u00ff\u0000", "00-00000000000000000000000000000000-0000000000000000-01"})
    void shouldBeginATraceWhenTheEventHasNoneThatIsValid(String traceparent) {
        run(tracer, traceparent, outcome());

        assertThat(span("study").getParentSpanId()).isEqualTo(SpanId.getInvalid());
        assertThat(span("study").getSpanContext().isValid()).isTrue();
    }

    @Test
    void shouldNotMakeSpansWhenTheCallerDoesNotSample() {
        run(tracer, "00-" + TRACE + "-" + SPAN + "-00", outcome());

        assertThat(spans.getFinishedSpanItems()).isEmpty();
    }

    @Test
    void shouldNameTheReasonsWhenAJobFails() {
        run(
                tracer,
                null,
                new InferenceFaults(List.of(new InferenceFault("T1", FailureReason.VOLUME_NOT_FOUND, true)), QUEUED));

        assertThat(span("study").getStatus().getStatusCode()).isEqualTo(StatusCode.ERROR);
        assertThat(span("study").getStatus().getDescription()).isEqualTo("VOLUME_NOT_FOUND");
    }

    @Test
    void shouldSendSpansToACollectorWhenOneIsConfigured() throws Exception {
        CompletableFuture<String> received = new CompletableFuture<>();
        HttpServer collector = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        collector.createContext("/v1/traces", exchange -> {
            received.complete(new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.ISO_8859_1));
            exchange.sendResponseHeaders(200, -1);
            exchange.close();
        });
        collector.start();
        try {
            String endpoint = "http://localhost:" + collector.getAddress().getPort() + "/v1/traces";
            try (TraceExport export = TraceExport.open(Optional.of(endpoint), "cloe-test")) {
                run(export.tracer(), null, outcome());
            }
            assertThat(received.get(10, TimeUnit.SECONDS))
                    .contains("cloe-test", "study", "infer", "DEADLINE")
                    .doesNotContain("PLANTED");
        } finally {
            collector.stop(0);
        }
    }

    @Test
    void shouldDoNothingWhenNoCollectorIsConfigured() {
        try (TraceExport export = TraceExport.open(Optional.empty(), "cloe-test")) {
            assertThat(export.tracer().spanBuilder("x").startSpan().isRecording())
                    .isFalse();
        }
    }
}
