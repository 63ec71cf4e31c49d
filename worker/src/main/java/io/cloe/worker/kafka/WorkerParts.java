package io.cloe.worker.kafka;

import io.cloe.worker.execution.ResultSender;
import io.cloe.worker.masks.MaskStore;
import io.cloe.worker.volume.VolumeSource;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.composite.CompositeMeterRegistry;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.apache.kafka.streams.KafkaClientSupplier;

/**
 * What stands between a worker and the world, for those who embed it: to watch what passes, or to put faults there.
 *
 * @param volumes around where volumes come from
 * @param masks around where masks go
 * @param results around how results travel
 * @param clients makes the Kafka clients of Kafka Streams; empty for Kafka's own
 * @param meters where the worker's measures go
 */
public record WorkerParts(
        UnaryOperator<VolumeSource> volumes,
        UnaryOperator<MaskStore> masks,
        UnaryOperator<ResultSender> results,
        Optional<KafkaClientSupplier> clients,
        MeterRegistry meters) {

    /** Something in between, and nobody who measures. */
    public WorkerParts(
            UnaryOperator<VolumeSource> volumes,
            UnaryOperator<MaskStore> masks,
            UnaryOperator<ResultSender> results,
            Optional<KafkaClientSupplier> clients) {
        this(volumes, masks, results, clients, new CompositeMeterRegistry());
    }

    /** Nothing in between. */
    public static WorkerParts plain() {
        return new WorkerParts(
                UnaryOperator.identity(), UnaryOperator.identity(), UnaryOperator.identity(), Optional.empty());
    }

    /** The same, measured. */
    public WorkerParts measuredBy(MeterRegistry registry) {
        return new WorkerParts(volumes, masks, results, clients, registry);
    }
}
