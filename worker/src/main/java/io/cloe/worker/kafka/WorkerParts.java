package io.cloe.worker.kafka;

import io.cloe.worker.execution.ResultSender;
import io.cloe.worker.masks.MaskStore;
import io.cloe.worker.volume.VolumeSource;
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
 */
public record WorkerParts(
        UnaryOperator<VolumeSource> volumes,
        UnaryOperator<MaskStore> masks,
        UnaryOperator<ResultSender> results,
        Optional<KafkaClientSupplier> clients) {

    /** Nothing in between. */
    public static WorkerParts plain() {
        return new WorkerParts(
                UnaryOperator.identity(), UnaryOperator.identity(), UnaryOperator.identity(), Optional.empty());
    }
}
