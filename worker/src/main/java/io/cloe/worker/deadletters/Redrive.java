package io.cloe.worker.deadletters;

import io.cloe.topology.Topics;
import io.cloe.worker.deadletters.Readability.Verdict;
import io.cloe.worker.kafka.ClientSettings;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Sends the records of letters again, each once. A record and the mark that it was sent are one transaction, and all redrives of a topic
 * share a transactional id: a second one that starts makes the first one fail before it commits more, and reads its marks only then.
 */
public final class Redrive implements AutoCloseable {

    /** Letters may have a megabyte each; this many are waiting in the producer at most. */
    private static final int LETTERS_PER_TRANSACTION = 20;

    private final Producer<byte[], byte[]> producer;
    private final Topics topics;
    private final Readability readability;
    private final boolean evenUnreadable;
    private final Consumer<DeadLetter> sent;
    private final List<DeadLetter> open = new ArrayList<>();
    private final Map<Outcome, Integer> counts = new EnumMap<>(Outcome.class);

    /** What became of a letter. */
    public enum Outcome {
        /** Its record was sent again now. */
        SENT,
        /** It had been sent again before. */
        SENT_BEFORE,
        /** This build could not read it either. */
        UNREADABLE,
        /** There is no copy of it. */
        LEFT_OUT,
        /** It is of no input topic. */
        NOT_AN_INPUT
    }

    Redrive(
            Producer<byte[], byte[]> producer,
            Topics topics,
            Readability readability,
            boolean evenUnreadable,
            Consumer<DeadLetter> sent) {
        this.producer = producer;
        this.topics = topics;
        this.readability = readability;
        this.evenUnreadable = evenUnreadable;
        this.sent = sent;
        for (Outcome outcome : Outcome.values()) {
            counts.put(outcome, 0);
        }
    }

    /**
     * Connects, and ends what a former redrive left open. To be called before the topic is read.
     *
     * @param evenUnreadable whether to send also what this build cannot read
     * @param sent told of each letter once its record is committed
     * @throws KafkaException if the brokers do not answer or refuse
     */
    public static Redrive connect(ClientSettings settings, boolean evenUnreadable, Consumer<DeadLetter> sent) {
        // Before the producer: a registry's settings may be wrong.
        Readability readability = new Readability(settings.topics(), settings.records());
        Map<String, Object> producerSettings = settings.producer();
        producerSettings.put(
                ProducerConfig.TRANSACTIONAL_ID_CONFIG,
                "cloe-redrive-" + settings.topics().deadLetters());
        producerSettings.put(ProducerConfig.ACKS_CONFIG, "all");
        producerSettings.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
        // A person waits at the other end: say soon that nobody answers.
        producerSettings.putIfAbsent(ProducerConfig.MAX_BLOCK_MS_CONFIG, 15_000);
        Producer<byte[], byte[]> producer =
                new KafkaProducer<>(producerSettings, new ByteArraySerializer(), new ByteArraySerializer());
        try {
            producer.initTransactions();
        } catch (RuntimeException e) {
            producer.close();
            throw e;
        }
        return new Redrive(producer, settings.topics(), readability, evenUnreadable, sent);
    }

    /**
     * Sends the records of all letters that are selected.
     *
     * @return how many letters had which outcome; every outcome is there
     * @throws KafkaException if a transaction fails, or a schema registry does not answer; what was reported as sent before stays sent
     */
    public Map<Outcome, Integer> send(DeadLetterTopic letters, Selection selection) {
        letters.forEach(letter -> {
            if (selection.includes(letter)) {
                take(letter, letters.isRedriven(letter.id()));
            }
        });
        commit();
        return counts;
    }

    void take(DeadLetter letter, boolean sentBefore) {
        Outcome outcome = outcome(letter, sentBefore, readability.of(letter), evenUnreadable);
        if (outcome != Outcome.SENT) {
            counts.merge(outcome, 1, Integer::sum);
            return;
        }
        if (open.isEmpty()) {
            producer.beginTransaction();
        }
        open.add(letter);
        producer.send(record(letter));
        producer.send(mark(letter.id()));
        if (open.size() >= LETTERS_PER_TRANSACTION) {
            commit();
        }
    }

    /** What a redrive does with a letter. */
    public static Outcome outcome(DeadLetter letter, boolean sentBefore, Verdict verdict, boolean evenUnreadable) {
        if (sentBefore) {
            return Outcome.SENT_BEFORE;
        }
        return switch (verdict) {
            case READABLE -> Outcome.SENT;
            case UNREADABLE -> evenUnreadable ? Outcome.SENT : Outcome.UNREADABLE;
            case LEFT_OUT -> Outcome.LEFT_OUT;
            case NOT_AN_INPUT -> Outcome.NOT_AN_INPUT;
        };
    }

    /**
     * The original, to its topic. Its key decides the partition, as it did; without one it goes where it was, and so does a campaign,
     * of which each partition has a copy.
     */
    private ProducerRecord<byte[], byte[]> record(DeadLetter letter) {
        DeadLetter.Source source = letter.source().orElseThrow();
        boolean whereItWas = letter.key() == null || source.topic().equals(topics.reprocessCampaigns());
        Integer partition = whereItWas ? source.partition() : null;
        ProducerRecord<byte[], byte[]> record =
                new ProducerRecord<>(source.topic(), partition, letter.key(), letter.value(), letter.headers());
        LetterHeaders.put(record.headers(), LetterHeaders.REDRIVEN_FROM, letter.id());
        return record;
    }

    /** Beside the letter, so that it is not deleted before it when both have grown old. */
    private ProducerRecord<byte[], byte[]> mark(LetterId letter) {
        RecordHeaders headers = new RecordHeaders();
        LetterHeaders.put(headers, LetterHeaders.REDRIVEN, letter);
        return new ProducerRecord<byte[], byte[]>(
                topics.deadLetters(), letter.partition(), null, (byte[]) null, null, headers);
    }

    void commit() {
        if (open.isEmpty()) {
            return;
        }
        producer.commitTransaction();
        open.forEach(sent);
        counts.merge(Outcome.SENT, open.size(), Integer::sum);
        open.clear();
    }

    /** What is not committed by now is aborted. */
    @Override
    public void close() {
        producer.close();
    }
}
