package io.cloe.topology;

import io.cloe.topology.study.Counted;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import org.apache.kafka.common.metrics.Sensor;
import org.apache.kafka.streams.StreamsMetrics;
import org.apache.kafka.streams.processor.api.ProcessorContext;

/**
 * Counts what leaves no other trace, as Kafka Streams metrics {@code study-*-total} and {@code -rate} per task; and how late
 * deadlines fired, as {@code deadline-latency-avg} and {@code -max} in milliseconds.
 */
final class TaskCounters {

    private final StreamsMetrics metrics;
    private final Map<Counted, Sensor> sensors = new EnumMap<>(Counted.class);
    private final Sensor lateness;

    TaskCounters(ProcessorContext<?, ?> context) {
        this.metrics = context.metrics();
        for (Counted counted : Counted.values()) {
            String operation = counted.name().toLowerCase(Locale.ROOT).replace('_', '-');
            sensors.put(
                    counted,
                    metrics.addRateTotalSensor(
                            "study", context.taskId().toString(), operation, Sensor.RecordingLevel.INFO));
        }
        lateness = metrics.addLatencyRateTotalSensor(
                "study", context.taskId().toString(), "deadline", Sensor.RecordingLevel.INFO);
    }

    /** Notes how long after its time a deadline fired. */
    void deadlineFired(long millisLate) {
        lateness.record(millisLate);
    }

    void count(Counted counted) {
        sensors.get(counted).record(1);
    }

    void close() {
        sensors.values().forEach(metrics::removeSensor);
        metrics.removeSensor(lateness);
    }
}
