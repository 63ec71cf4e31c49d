package io.cloe.worker.tracing;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * Where spans go: to an OpenTelemetry collector in batches, or nowhere. A collector that does not answer costs spans, never results.
 */
public final class TraceExport implements AutoCloseable {

    private static final String SCOPE = "io.cloe.worker";
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private final Optional<SdkTracerProvider> provider;

    private TraceExport(Optional<SdkTracerProvider> provider) {
        this.provider = provider;
    }

    /**
     * Opens an export.
     *
     * @param endpoint OTLP over HTTP, such as {@code http://collector:4318/v1/traces}; empty for no export
     * @param service name of the service in the traces
     */
    public static TraceExport open(Optional<String> endpoint, String service) {
        return new TraceExport(endpoint.map(address -> SdkTracerProvider.builder()
                .setResource(Resource.getDefault().toBuilder()
                        .put(AttributeKey.stringKey("service.name"), service)
                        .build())
                .addSpanProcessor(BatchSpanProcessor.builder(OtlpHttpSpanExporter.builder()
                                .setEndpoint(address)
                                .setTimeout(PATIENCE)
                                .build())
                        .build())
                .build()));
    }

    /** Makes spans that go there. */
    public Tracer tracer() {
        return provider.map(sdk -> sdk.get(SCOPE))
                .orElseGet(() -> OpenTelemetry.noop().getTracer(SCOPE));
    }

    /** Sends what is left, for a few seconds at most. */
    @Override
    public void close() {
        provider.ifPresent(sdk -> sdk.shutdown().join(PATIENCE.toMillis(), TimeUnit.MILLISECONDS));
    }
}
