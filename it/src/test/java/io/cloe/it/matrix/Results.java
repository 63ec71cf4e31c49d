package io.cloe.it.matrix;

import io.cloe.topology.matrix.Answer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** What a consumer that reads committed records sees of a contender's results, from their beginning. */
final class Results implements AutoCloseable {

    private static final Duration POLL = Duration.ofMillis(100);

    private final Contender contender;
    private final Consumer<byte[], byte[]> consumer;
    private final List<TopicPartition> partitions;
    private final Map<String, List<Answer>> answers = new HashMap<>();

    Results(Contender contender, Site site) {
        this.contender = contender;
        consumer = new KafkaConsumer<>(
                Map.of(
                        ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG,
                        site.broker(),
                        ConsumerConfig.ISOLATION_LEVEL_CONFIG,
                        "read_committed"),
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer());
        // Not asked of the broker, which may not tell of a topic yet that was just made.
        partitions = IntStream.range(0, Site.PARTITIONS)
                .mapToObj(partition -> new TopicPartition(contender.resultTopic(site), partition))
                .toList();
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
    }

    /** Reads for at least one and at most another time, and meanwhile until there is an answer for each study. */
    void read(Set<String> studies, Duration atLeast, Duration atMost) {
        long start = System.nanoTime();
        long elapsed;
        do {
            poll();
            elapsed = System.nanoTime() - start;
        } while (elapsed < atLeast.toNanos()
                || (elapsed < atMost.toNanos() && !answers.keySet().containsAll(studies)));
    }

    /** Reads all that is committed by now. */
    void drain() {
        Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
        while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
            poll();
        }
    }

    private void poll() {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
            Answer answer = contender.answer(record);
            answers.computeIfAbsent(answer.studyId(), study -> new ArrayList<>())
                    .add(answer);
        }
    }

    List<Answer> of(String study) {
        return answers.getOrDefault(study, List.of());
    }

    @Override
    public void close() {
        consumer.close();
    }
}
