package io.cloe.worker.deadletters;

import io.cloe.worker.kafka.ClientSettings;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * What the dead-letter topic holds, committed, at the moment it is opened. It may be large, so it is read twice instead of kept: first
 * for what was sent again already, then for the letters. For one thread.
 */
public final class DeadLetterTopic implements AutoCloseable {

    private static final Duration PATIENCE = Duration.ofSeconds(15);
    private static final Duration POLL = Duration.ofMillis(200);

    private final org.apache.kafka.clients.consumer.Consumer<byte[], byte[]> consumer;
    private final Map<TopicPartition, Long> ends;
    private final Set<LetterId> redriven = new HashSet<>();

    /**
     * Reads what was sent again.
     *
     * @throws KafkaException if the topic cannot be read
     */
    public DeadLetterTopic(ClientSettings settings) {
        Map<String, Object> consumerSettings = settings.consumer();
        // A topic that does not exist is an error, and must not come to be by looking.
        consumerSettings.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
        consumer = new KafkaConsumer<>(consumerSettings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        try {
            String topic = settings.topics().deadLetters();
            List<TopicPartition> partitions = consumer.partitionsFor(topic, PATIENCE).stream()
                    .map(partition -> new TopicPartition(topic, partition.partition()))
                    .toList();
            if (partitions.isEmpty()) {
                throw new UnknownTopicOrPartitionException("there is no topic " + topic);
            }
            consumer.assign(partitions);
            ends = new HashMap<>(consumer.endOffsets(partitions, PATIENCE));
            read(record -> DeadLetter.marked(record).ifPresent(redriven::add));
        } catch (RuntimeException e) {
            consumer.close();
            throw e;
        }
    }

    /** Whether a letter was sent again already. */
    public boolean isRedriven(LetterId letter) {
        return redriven.contains(letter);
    }

    /** Hands over all letters, in order within a partition. */
    public void forEach(Consumer<DeadLetter> taker) {
        read(record -> DeadLetter.of(record).ifPresent(taker));
    }

    private void read(Consumer<ConsumerRecord<byte[], byte[]>> taker) {
        consumer.seekToBeginning(ends.keySet());
        while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                if (record.offset() < ends.get(new TopicPartition(record.topic(), record.partition()))) {
                    taker.accept(record);
                }
            }
        }
    }

    @Override
    public void close() {
        consumer.close();
    }
}
