package io.cloe.worker.kafka;

import io.cloe.topology.Topics;
import io.cloe.worker.kafka.StartupException.Kind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.TopicExistsException;

/** Makes and checks the worker's topics. */
public final class TopicAdmin implements AutoCloseable {

    private static final Duration PATIENCE = Duration.ofSeconds(15);

    private final Admin admin;
    private final Topics topics;
    private final String brokers;

    /** Connects when first used. */
    public TopicAdmin(ClientSettings settings) {
        this.admin = Admin.create(settings.admin());
        this.topics = settings.topics();
        this.brokers = String.valueOf(settings.kafka().get("bootstrap.servers"));
    }

    /**
     * Makes the topics that do not exist yet. Existing ones are left as they are.
     *
     * @param replicationFactor copies; -1 = the broker's default
     * @return names of the topics made
     */
    public List<String> create(int partitions, int replicationFactor) throws StartupException, InterruptedException {
        Set<String> existing = get(admin.listTopics().names());
        List<String> made = new ArrayList<>();
        for (NewTopic topic : definitions(partitions, replicationFactor)) {
            if (!existing.contains(topic.name()) && make(topic)) {
                made.add(topic.name());
            }
        }
        awaitVisible(made);
        return made;
    }

    /** The controller knows a new topic before every broker tells of it. */
    private void awaitVisible(List<String> names) throws StartupException, InterruptedException {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!get(admin.listTopics().names()).containsAll(names)) {
            if (System.nanoTime() > end) {
                throw new StartupException(Kind.TOPICS, "the brokers do not tell of the new topics " + names);
            }
            TimeUnit.MILLISECONDS.sleep(50);
        }
    }

    private boolean make(NewTopic topic) throws StartupException, InterruptedException {
        try {
            admin.createTopics(List.of(topic)).all().get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
            return true;
        } catch (ExecutionException e) {
            if (e.getCause() instanceof TopicExistsException) {
                return false;
            }
            throw new StartupException(
                    Kind.TOPICS,
                    "topic " + topic.name() + " cannot be made: " + e.getCause().getMessage());
        } catch (TimeoutException e) {
            throw unreachable();
        }
    }

    private List<NewTopic> definitions(int partitions, int replicationFactor) {
        Optional<Integer> count = Optional.of(partitions);
        Optional<Short> copies = replicationFactor == -1 ? Optional.empty() : Optional.of((short) replicationFactor);
        List<NewTopic> definitions = new ArrayList<>();
        List<String> names = new ArrayList<>(topics.copartitioned());
        names.addAll(topics.besides());
        names.addAll(topics.outputs());
        for (String name : names) {
            NewTopic topic = new NewTopic(name, count, copies);
            definitions.add(
                    topics.compacted().contains(name)
                            ? topic.configs(
                                    Map.of(TopicConfig.CLEANUP_POLICY_CONFIG, TopicConfig.CLEANUP_POLICY_COMPACT))
                            : topic);
        }
        return definitions;
    }

    /**
     * Refuses topics that the topology cannot run on: Kafka does not check co-partitioning for it, and a study's records would
     * silently meet different tasks.
     *
     * @return how many partitions each has
     * @throws StartupException naming the topics that are missing, or the partition counts that differ
     */
    public int check() throws StartupException, InterruptedException {
        Set<String> existing = get(admin.listTopics().names());
        List<String> wanted = new ArrayList<>(topics.copartitioned());
        wanted.addAll(topics.outputs());
        wanted.addAll(topics.besides());
        List<String> missing =
                wanted.stream().filter(name -> !existing.contains(name)).toList();
        if (!missing.isEmpty()) {
            throw new StartupException(
                    Kind.TOPICS, "missing topics " + String.join(", ", missing) + "; run 'topics create'");
        }
        Map<String, Integer> partitions = new TreeMap<>();
        Map<String, TopicDescription> described =
                new HashMap<>(get(admin.describeTopics(topics.copartitioned()).allTopicNames()));
        described.forEach(
                (name, topic) -> partitions.put(name, topic.partitions().size()));
        if (Set.copyOf(partitions.values()).size() > 1) {
            throw new StartupException(
                    Kind.TOPICS, "these topics must have equally many partitions, but have " + partitions);
        }
        return partitions.values().iterator().next();
    }

    private <T> T get(KafkaFuture<T> answer) throws StartupException, InterruptedException {
        try {
            return answer.get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw unreachable();
        } catch (ExecutionException e) {
            throw new StartupException(
                    Kind.KAFKA_UNREACHABLE,
                    "Kafka at " + brokers + " refuses: " + e.getCause().getMessage());
        }
    }

    private StartupException unreachable() {
        return new StartupException(
                Kind.KAFKA_UNREACHABLE,
                "no Kafka broker answers at " + brokers + " within " + PATIENCE.toSeconds() + " s");
    }

    @Override
    public void close() {
        admin.close(Duration.ZERO);
    }
}
