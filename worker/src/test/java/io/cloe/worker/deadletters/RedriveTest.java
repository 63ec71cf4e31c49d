package io.cloe.worker.deadletters;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class RedriveTest {

    private final MockProducer<byte[], byte[]> producer =
            new MockProducer<>(true, null, new ByteArraySerializer(), new ByteArraySerializer());
    private final List<DeadLetter> sent = new ArrayList<>();
    private final Redrive redrive = new Redrive(producer, Letters.TOPICS, Letters.READABILITY, false, sent::add);

    @BeforeEach
    void begin() {
        producer.initTransactions();
    }

    @Test
    void shouldSendTheOriginalBytesAndAMarkInOneTransaction() {
        DeadLetter letter = Letters.letter(5, Letters.command(), Map.of("traceparent", "00-a"));

        redrive.take(letter, false);
        assertThat(producer.history()).isEmpty();
        assertThat(sent).isEmpty();
        redrive.commit();

        assertThat(sent).containsExactly(letter);
        assertThat(producer.commitCount()).isEqualTo(1);
        assertThat(producer.history()).hasSize(2);
        ProducerRecord<byte[], byte[]> again = producer.history().get(0);
        assertThat(again.topic()).isEqualTo("study-commands");
        assertThat(again.partition()).as("its key decides").isNull();
        assertThat(again.key()).isEqualTo(Letters.KEY);
        assertThat(again.value()).isEqualTo(Letters.command());
        assertThat(again.headers().toArray())
                .extracting(header -> header.key() + "=" + new String(header.value()))
                .containsExactlyInAnyOrder("traceparent=00-a", "cloe.redriven.from=1@5");
        ProducerRecord<byte[], byte[]> mark = producer.history().get(1);
        assertThat(mark.topic()).isEqualTo("dead-letters");
        assertThat(mark.partition()).isEqualTo(1);
        assertThat(LetterHeaders.letter(mark.headers(), LetterHeaders.REDRIVEN)).contains(letter.id());
    }

    @Test
    void shouldSendNothingWhenTheLetterWasSentBeforeOrIsStillUnreadable() {
        redrive.take(Letters.letter(5, Letters.command(), Map.of()), true);
        redrive.take(Letters.letter(6, Letters.UNREADABLE, Map.of()), false);
        redrive.commit();

        assertThat(producer.history()).isEmpty();
        assertThat(sent).isEmpty();
    }

    /** Every partition has its own copy of a campaign, so its key must not decide. */
    @Test
    void shouldSendACampaignToThePartitionThatItCameFrom() {
        Headers headers = Letters.headers(Letters.TOPICS.reprocessCampaigns(), "UNKNOWN_SCHEMA: of a newer version");

        redrive.take(
                DeadLetter.of(Letters.record(5, Letters.KEY, Letters.campaign(), headers))
                        .orElseThrow(),
                false);
        redrive.commit();

        assertThat(producer.history().get(0).topic()).isEqualTo("reprocess-campaigns");
        assertThat(producer.history().get(0).partition()).isEqualTo(3);
    }

    @Test
    void shouldReportNothingAsSentWhenTheTransactionFails() {
        producer.commitTransactionException = new ProducerFencedException("another redrive started");

        redrive.take(Letters.letter(5, Letters.command(), Map.of()), false);

        assertThatThrownBy(redrive::commit).isInstanceOf(KafkaException.class);
        assertThat(sent).isEmpty();
        assertThat(producer.history()).isEmpty();
    }
}
