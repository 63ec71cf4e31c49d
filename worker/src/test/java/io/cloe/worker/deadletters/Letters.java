package io.cloe.worker.deadletters;

import io.cloe.schemas.CampaignMode;
import io.cloe.schemas.CampaignOrder;
import io.cloe.schemas.CampaignOutput;
import io.cloe.schemas.CampaignSelection;
import io.cloe.schemas.CommandKind;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.ReprocessCampaign;
import io.cloe.schemas.StudyCommand;
import io.cloe.schemas.serde.RecordFormat;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.schemas.serde.UnreadableRecordException;
import io.cloe.topology.Topics;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;

/** Records of a dead-letter topic. */
final class Letters {

    static final Topics TOPICS = Topics.withPrefix("");
    static final Readability READABILITY = new Readability(TOPICS, RecordFormat.singleObject());
    static final Instant AT = Instant.parse("2026-11-26T08:00:00Z");
    static final byte[] KEY = "study-mueller".getBytes(StandardCharsets.UTF_8);
    static final byte[] UNREADABLE = "{\"patient\": \"mueller\"}".getBytes(StandardCharsets.UTF_8);

    private Letters() {}

    static byte[] command() {
        return RecordSerde.of(StudyCommand.class)
                .serialize("", new StudyCommand("c", "study-mueller", CommandKind.HOLD, null, null, AT));
    }

    static byte[] campaign() {
        return RecordSerde.of(ReprocessCampaign.class)
                .serialize(
                        "",
                        ReprocessCampaign.newBuilder()
                                .setCampaignId("campaign")
                                .setOrder(CampaignOrder.RUN)
                                .setModel(new ModelReference("family", "model", "2", "00".repeat(32)))
                                .setMode(CampaignMode.AS_DECIDED)
                                .setOutput(CampaignOutput.SHADOW)
                                .setSelection(new CampaignSelection(List.of(), null, null, null, null, null))
                                .setConcurrency(1)
                                .setPartitions(4)
                                .setCreatedAt(AT)
                                .build());
    }

    /** As the worker writes it. */
    static Headers headers(String topic, String message) {
        Headers headers = new RecordHeaders();
        add(headers, "exception", UnreadableRecordException.class.getName());
        add(headers, "message", message);
        add(headers, "topic", topic);
        add(headers, "partition", "3");
        add(headers, "offset", "17");
        return headers;
    }

    static void add(Headers headers, String name, String value) {
        headers.add(LetterHeaders.ERRORS + name, value.getBytes(StandardCharsets.UTF_8));
    }

    static ConsumerRecord<byte[], byte[]> record(long offset, byte[] key, byte[] value, Headers headers) {
        return new ConsumerRecord<>(
                TOPICS.deadLetters(),
                1,
                offset,
                AT.toEpochMilli(),
                TimestampType.CREATE_TIME,
                0,
                0,
                key,
                value,
                headers,
                Optional.empty());
    }

    static DeadLetter letter(long offset, byte[] value, Map<String, String> originalHeaders) {
        Headers headers =
                headers(TOPICS.studyCommands(), "UNKNOWN_SCHEMA: no known version of StudyCommand wrote this");
        originalHeaders.forEach((name, text) -> headers.add(name, text.getBytes(StandardCharsets.UTF_8)));
        return DeadLetter.of(record(offset, KEY, value, headers)).orElseThrow();
    }
}
