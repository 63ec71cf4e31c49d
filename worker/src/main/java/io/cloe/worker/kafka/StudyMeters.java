package io.cloe.worker.kafka;

import io.cloe.topology.study.Counted;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Locale;
import java.util.stream.DoubleStream;
import org.apache.kafka.streams.KafkaStreams;

/**
 * Measures what the tasks of the topology count, over all tasks of this worker. Micrometer's own binder gives the same per task, but
 * looks for new tasks only once a minute.
 */
final class StudyMeters {

    private static final String GROUP = "stream-study-metrics";

    private StudyMeters() {}

    static void register(KafkaStreams streams, MeterRegistry registry) {
        for (Counted counted : Counted.values()) {
            String operation = counted.name().toLowerCase(Locale.ROOT);
            FunctionCounter.builder("cloe.study.events", streams, client -> values(
                                    client, operation.replace('_', '-') + "-total")
                            .sum())
                    .description(
                            "What happened to studies on this worker's partitions, since they were assigned to it.")
                    .tag("what", operation)
                    .register(registry);
        }
        Gauge.builder(
                        "cloe.deadline.lateness.max",
                        streams,
                        client -> values(client, "deadline-latency-max").max().orElse(0) / 1_000)
                .description("How late the latest deadline of the last minute fired; 0 if none did.")
                .baseUnit("seconds")
                .register(registry);
    }

    private static DoubleStream values(KafkaStreams streams, String name) {
        return streams.metrics().values().stream()
                .filter(metric -> metric.metricName().group().equals(GROUP)
                        && metric.metricName().name().equals(name))
                .mapToDouble(metric -> ((Number) metric.metricValue()).doubleValue())
                .filter(Double::isFinite);
    }
}
