package io.cloe.it.matrix;

import io.cloe.it.tools.TestCluster;
import io.cloe.topology.Topics;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.NewTopic;

/**
 * Where a contender works: topics and a group of its own.
 *
 * @param cluster the broker
 * @param broker its host:port
 * @param name names the group, and starts the names of all topics
 * @param topics the topics of the study topology; others use its scan events
 * @param timeout how long a study waits for further scans
 */
public record Site(TestCluster cluster, String broker, String name, Topics topics, Duration timeout) {

    /** Partitions of each topic: two for each of two members. */
    public static final int PARTITIONS = 4;

    /** Makes its topics. */
    static Site create(TestCluster cluster, String broker, String name, Duration timeout) throws Exception {
        return new Site(cluster, broker, name, cluster.createTopics(name + "-", PARTITIONS), timeout);
    }

    /** Makes a further topic. */
    void createTopic(String topic) throws ExecutionException, InterruptedException {
        cluster.admin()
                .createTopics(List.of(new NewTopic(topic, Optional.of(PARTITIONS), Optional.empty())))
                .all()
                .get();
    }
}
