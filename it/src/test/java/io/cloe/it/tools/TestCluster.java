package io.cloe.it.tools;

import io.cloe.topology.Topics;
import io.cloe.worker.config.ConfigurationException;
import io.cloe.worker.config.InferenceConfig;
import io.cloe.worker.config.StudySettings;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.kafka.ClientSettings;
import io.cloe.worker.kafka.StartupException;
import io.cloe.worker.kafka.TopicAdmin;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.TopicPartition;

/** What tests ask of a broker, and the settings of workers that use it. */
public final class TestCluster implements AutoCloseable {

    private final String broker;
    private final Admin admin;

    /** Of the broker at host:port. */
    public TestCluster(String broker) {
        this.broker = broker;
        this.admin = Admin.create(Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, broker));
    }

    /** Clients of the topics with the given prefix. */
    public ClientSettings clients(String topicPrefix) {
        try {
            return ClientSettings.of(
                    Map.of(WorkerConfig.BOOTSTRAP_SERVERS, broker, WorkerConfig.TOPICS_PREFIX, topicPrefix));
        } catch (ConfigurationException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Makes a worker's topics. */
    public Topics createTopics(String topicPrefix, int partitions) throws StartupException, InterruptedException {
        return createTopics(topicPrefix, partitions, 1);
    }

    /** Makes a worker's topics with several copies. */
    public Topics createTopics(String topicPrefix, int partitions, int copies)
            throws StartupException, InterruptedException {
        ClientSettings clients = clients(topicPrefix);
        try (TopicAdmin topics = new TopicAdmin(clients)) {
            topics.create(partitions, copies);
        }
        return clients.topics();
    }

    /**
     * Settings of a worker with which tests do not wait: everything but the study rules, which have their defaults.
     *
     * @param folder where its state and masks go
     * @param volumes the folder that it may read
     */
    public Map<String, String> workerSettings(Path folder, Path bundle, Path volumes) {
        Map<String, String> settings = new LinkedHashMap<>();
        settings.put(WorkerConfig.BOOTSTRAP_SERVERS, broker);
        settings.put(WorkerConfig.MODEL_BUNDLES, bundle.toString());
        settings.put(WorkerConfig.VOLUME_ROOTS, volumes.toString());
        settings.put(WorkerConfig.MASK_DIRECTORY, folder.resolve("masks").toString());
        settings.put(WorkerConfig.STATE_DIRECTORY, folder.resolve("state").toString());
        settings.put(WorkerConfig.REPLICATION_FACTOR, "1");
        settings.put(InferenceConfig.DEVICE, "cpu");
        settings.put(StudySettings.RETRY_ATTEMPTS, "2");
        settings.put(StudySettings.RETRY_FIRST_DELAY, "200ms");
        return settings;
    }

    /** Has what a killed worker leaves, its partitions and its open transaction, wait three seconds for its successor, not 45 and 10. */
    public static void hastenTakeover(Map<String, String> settings) {
        if (!"streams".equals(settings.get(WorkerConfig.GROUP_PROTOCOL))) { // with that protocol the broker says so
            settings.put(WorkerConfig.KAFKA_PREFIX + "session.timeout.ms", "3000");
            settings.put(WorkerConfig.KAFKA_PREFIX + "heartbeat.interval.ms", "500");
        }
        settings.put(WorkerConfig.KAFKA_PREFIX + "producer.transaction.timeout.ms", "3000");
    }

    /** Whether any member of the group has ever joined. */
    public boolean groupExists(String group) throws ExecutionException, InterruptedException {
        return admin.listGroups().all().get().stream()
                .map(GroupListing::groupId)
                .anyMatch(group::equals);
    }

    /** Waits until a group, of whichever protocol, has so many members and none of its partitions is on the move. */
    public void awaitSettled(String group, int members) {
        Waiting.until(members + " members of " + group + " have settled")
                .ignoreExceptions()
                .until(() -> {
                    GroupListing listed = admin.listGroups().all().get().stream()
                            .filter(one -> one.groupId().equals(group))
                            .findFirst()
                            .orElseThrow();
                    return listed.groupState().equals(Optional.of(GroupState.STABLE)) && memberCount(listed) == members;
                });
    }

    private int memberCount(GroupListing group) throws ExecutionException, InterruptedException {
        List<String> ids = List.of(group.groupId());
        if (group.type().equals(Optional.of(GroupType.STREAMS))) {
            return admin.describeStreamsGroups(ids)
                    .all()
                    .get()
                    .get(group.groupId())
                    .members()
                    .size();
        }
        return admin.describeConsumerGroups(ids)
                .all()
                .get()
                .get(group.groupId())
                .members()
                .size();
    }

    /** Waits until the group has processed, and committed, all that its input topics hold. */
    public void awaitCaughtUp(String group, Topics topics) {
        Waiting.until("all input is processed").ignoreExceptions().until(() -> caughtUp(group, topics.copartitioned()));
    }

    private boolean caughtUp(String group, List<String> inputs) throws ExecutionException, InterruptedException {
        return reached(group, ends(inputs));
    }

    /** Waits until the group has processed, and committed, what its input topics hold now; more may come meanwhile. */
    public void awaitProcessed(String group, Topics topics) throws ExecutionException, InterruptedException {
        Map<TopicPartition, Long> ends = ends(topics.copartitioned());
        Waiting.until("the input so far is processed").ignoreExceptions().until(() -> reached(group, ends));
    }

    private Map<TopicPartition, Long> ends(List<String> inputs) throws ExecutionException, InterruptedException {
        Map<TopicPartition, OffsetSpec> wanted = new HashMap<>();
        admin.describeTopics(inputs).allTopicNames().get().forEach((topic, description) -> description
                .partitions()
                .forEach(partition ->
                        wanted.put(new TopicPartition(topic, partition.partition()), OffsetSpec.latest())));
        Map<TopicPartition, Long> ends = new HashMap<>();
        admin.listOffsets(wanted).all().get().forEach((partition, end) -> ends.put(partition, end.offset()));
        return ends;
    }

    private boolean reached(String group, Map<TopicPartition, Long> ends)
            throws ExecutionException, InterruptedException {
        Map<TopicPartition, OffsetAndMetadata> committed = admin.listConsumerGroupOffsets(group)
                .partitionsToOffsetAndMetadata()
                .get();
        return ends.entrySet().stream().allMatch(end -> {
            OffsetAndMetadata offset = committed.get(end.getKey());
            return (offset == null ? 0 : offset.offset()) >= end.getValue();
        });
    }

    /** The admin client. */
    public Admin admin() {
        return admin;
    }

    @Override
    public void close() {
        admin.close();
    }
}
