package io.cloe.worker.kafka;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.InferenceFaults;
import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.TaskClaim;
import io.cloe.schemas.serde.RecordSerde;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class KafkaResultSenderTest {

    private static final InferenceResult RESULT =
            new InferenceResult("job", "study", new InferenceFaults(List.of(), Instant.EPOCH));

    /** Answers when the test says so, and tells of every attempt. */
    private static final class AttemptedProducer extends MockProducer<String, InferenceResult> {

        private final BlockingQueue<ProducerRecord<String, InferenceResult>> attempts = new LinkedBlockingQueue<>();

        AttemptedProducer() {
            super(false, null, new StringSerializer(), RecordSerde.of(InferenceResult.class));
        }

        @Override
        public synchronized Future<RecordMetadata> send(
                ProducerRecord<String, InferenceResult> record, Callback callback) {
            try {
                return super.send(record, callback);
            } finally {
                attempts.add(record);
            }
        }

        ProducerRecord<String, InferenceResult> attempt() throws InterruptedException {
            ProducerRecord<String, InferenceResult> attempt = attempts.poll(10, TimeUnit.SECONDS);
            assertThat(attempt).as("an attempt within 10 s").isNotNull();
            return attempt;
        }
    }

    private final AttemptedProducer producer = new AttemptedProducer();
    private final KafkaResultSender sender = new KafkaResultSender(producer, "results");

    @AfterEach
    void close() {
        sender.close();
    }

    @Test
    void shouldWriteToThePartitionOfTheJobWhenAResultIsSent() throws Exception {
        sender.send(5, RESULT);

        ProducerRecord<String, InferenceResult> record = producer.attempt();
        assertThat(record.topic()).isEqualTo("results");
        assertThat(record.partition()).isEqualTo(5);
        assertThat(record.key()).isEqualTo("study");
        assertThat(record.value()).isEqualTo(RESULT);
    }

    @Test
    void shouldNameEachClaimDifferentlyWhenAPartitionIsClaimed() throws Exception {
        sender.claim(2);
        sender.claim(2);

        ProducerRecord<String, InferenceResult> first = producer.attempt();
        ProducerRecord<String, InferenceResult> second = producer.attempt();
        assertThat(first.partition()).isEqualTo(2);
        assertThat(first.value().getJobId()).isEmpty();
        assertThat(first.value().getBody()).isInstanceOf(TaskClaim.class);
        assertThat(first.value()).isNotEqualTo(second.value());
    }

    @Test
    void shouldTryAgainAfterAPauseWhenTheBrokersRefuseAResult() throws Exception {
        sender.send(0, RESULT);
        producer.attempt();
        long refused = System.nanoTime();
        producer.errorNext(new RecordTooLargeException());

        assertThat(producer.attempt().value()).isEqualTo(RESULT);
        // Without a pause a record that is always refused would keep a processor busy and fill the log.
        assertThat(System.nanoTime() - refused).isGreaterThan(TimeUnit.MILLISECONDS.toNanos(900));
    }

    static Stream<RuntimeException> refusals() {
        return Stream.of(new TimeoutException("no metadata"), new IllegalStateException("of no kind that Kafka names"));
    }

    @ParameterizedTest
    @MethodSource("refusals")
    void shouldSendOthersMeanwhileWhenOneCannotBeSent(RuntimeException refusal) throws Exception {
        producer.sendException = refusal;
        sender.send(0, RESULT);
        producer.attempt();
        producer.sendException = null;
        InferenceResult other = new InferenceResult("other", "study", new InferenceFaults(List.of(), Instant.EPOCH));
        sender.send(0, other);

        assertThat(producer.attempt().value()).isEqualTo(other);
        assertThat(producer.attempt().value()).isEqualTo(RESULT);
    }

    @Test
    void shouldTryNoMoreWhenItIsClosed() throws Exception {
        sender.send(0, RESULT);
        producer.attempt();
        sender.close();
        sender.send(0, RESULT);
        sender.claim(0);

        assertThat(producer.closed()).isTrue();
        assertThat(producer.attempts).isEmpty();
    }
}
