package io.cloe.topology;

import io.cloe.schemas.registry.RegistryException;
import io.cloe.schemas.serde.UnreadableRecordException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.DeserializationExceptionHandler;
import org.apache.kafka.streams.errors.ErrorHandlerContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends records that cannot be read to the dead-letter topic, in the transaction that skips them, with Kafka Streams' standard
 * error headers. Unlike the built-in handler it writes no stack trace, because messages of decoders can quote content.
 */
public final class DeadLetterHandler implements DeserializationExceptionHandler {

    private static final Logger LOG = LoggerFactory.getLogger(DeadLetterHandler.class);
    private static final String HEADER = "__streams.errors.";

    /**
     * Kafka's producer refuses records above 1 MiB by default, headers included, and a letter that cannot be sent stops the worker:
     * of a larger record only the coordinates are sent.
     */
    private static final int LARGEST_COPY = 1_000_000;

    private String deadLetterTopic;

    @Override
    public void configure(Map<String, ?> settings) {
        deadLetterTopic = (String) settings.get(StreamsConfig.ERRORS_DEAD_LETTER_QUEUE_TOPIC_NAME_CONFIG);
    }

    @Override
    public Response handleError(
            ErrorHandlerContext context, ConsumerRecord<byte[], byte[]> record, Exception exception) {
        RegistryException registry = cause(exception, RegistryException.class);
        if (registry != null) {
            // Nothing is wrong with the record; it will be read when the registry answers.
            LOG.error(
                    "record {}-{}@{} waits: {}",
                    record.topic(),
                    record.partition(),
                    record.offset(),
                    registry.getMessage());
            return Response.fail();
        }
        UnreadableRecordException unreadable = cause(exception, UnreadableRecordException.class);
        String message = unreadable == null ? exception.getClass().getSimpleName() : unreadable.getMessage();
        LOG.warn("unreadable record {}-{}@{}: {}", record.topic(), record.partition(), record.offset(), message);
        boolean whole = length(record) <= LARGEST_COPY;
        ProducerRecord<byte[], byte[]> letter = whole
                ? new ProducerRecord<>(deadLetterTopic, null, context.sourceRawKey(), context.sourceRawValue())
                : new ProducerRecord<>(deadLetterTopic, null, null, null);
        Headers headers = letter.headers();
        if (whole) {
            record.headers().forEach(headers::add);
        } else {
            header(headers, "left.out.bytes", Long.toString(length(record)));
        }
        header(
                headers,
                "exception",
                (unreadable == null ? exception : unreadable).getClass().getName());
        header(headers, "message", message);
        header(headers, "topic", record.topic());
        header(headers, "partition", Integer.toString(record.partition()));
        header(headers, "offset", Long.toString(record.offset()));
        return Response.resume(List.of(letter));
    }

    private static long length(ConsumerRecord<byte[], byte[]> record) {
        long length = Math.max(0, record.serializedKeySize()) + Math.max(0, record.serializedValueSize());
        for (Header header : record.headers()) {
            length += header.key().length() + (header.value() == null ? 0 : header.value().length);
        }
        return length;
    }

    private static <E> E cause(Throwable exception, Class<E> type) {
        for (Throwable cause = exception; cause != null; cause = cause.getCause()) {
            if (type.isInstance(cause)) {
                return type.cast(cause);
            }
        }
        return null;
    }

    private static void header(Headers headers, String name, String value) {
        headers.add(HEADER + name, value.getBytes(StandardCharsets.UTF_8));
    }
}
