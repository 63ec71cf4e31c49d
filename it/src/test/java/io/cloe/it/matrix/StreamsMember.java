package io.cloe.it.matrix;

import java.time.Duration;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.CloseOptions.GroupMembershipOperation;
import org.apache.kafka.streams.KafkaStreams;

/** A Kafka Streams client as a member. */
final class StreamsMember implements Contender.Member {

    private final KafkaStreams streams;
    private final AutoCloseable[] resources;

    private StreamsMember(KafkaStreams streams, AutoCloseable... resources) {
        this.streams = streams;
        this.resources = resources;
    }

    /**
     * Starts a client.
     *
     * @param resources what ends with it, after it
     */
    static StreamsMember start(KafkaStreams streams, AutoCloseable... resources) {
        streams.start();
        return new StreamsMember(streams, resources);
    }

    /** All contenders have one sub-topology: a task per partition. */
    @Override
    public int partitions() {
        return streams.metadataForLocalThreads().stream()
                .mapToInt(thread -> thread.activeTasks().size())
                .sum();
    }

    @Override
    public void close() {
        streams.close(CloseOptions.timeout(Duration.ofSeconds(30))
                .withGroupMembershipOperation(GroupMembershipOperation.LEAVE_GROUP));
        for (AutoCloseable resource : resources) {
            try {
                resource.close();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
