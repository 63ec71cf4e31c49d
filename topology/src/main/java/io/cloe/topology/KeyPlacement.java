package io.cloe.topology;

import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.utils.Utils;

/**
 * Where records of a key belong: in the partition in which Kafka's default partitioner puts them. A sender with another partitioner, such as
 * librdkafka's default, puts a study's events elsewhere than other senders put its other events and its commands, and they never meet; all
 * that can be seen of that is that a key is not where it belongs.
 */
public final class KeyPlacement {

    private final int partitions;

    private KeyPlacement(int partitions) {
        this.partitions = partitions;
    }

    /** In topics with this many partitions. */
    public static KeyPlacement of(int partitions) {
        if (partitions < 1) {
            throw new IllegalArgumentException("a topic has at least one partition");
        }
        return new KeyPlacement(partitions);
    }

    /** Where nobody knows how many partitions there are; no key is out of place. */
    static KeyPlacement unknown() {
        return new KeyPlacement(0);
    }

    /** Whether a key is in another partition than it belongs to. */
    boolean isElsewhere(String key, int partition) {
        return partitions > 1 && partition != partitionOf(key);
    }

    /** As Kafka's default partitioner computes it. */
    private int partitionOf(String key) {
        return Utils.toPositive(Utils.murmur2(key.getBytes(StandardCharsets.UTF_8))) % partitions;
    }
}
