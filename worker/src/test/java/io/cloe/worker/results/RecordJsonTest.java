package io.cloe.worker.results;

import static io.cloe.worker.results.Results.gating;
import static io.cloe.worker.results.Results.segmentation;
import static io.cloe.worker.results.Results.weights;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.schemas.Segmentation;
import java.util.ArrayList;
import java.util.List;
import org.apache.avro.Schema;
import org.junit.jupiter.api.Test;

class RecordJsonTest {

    private static final ObjectMapper JSON = new ObjectMapper();

    @Test
    void shouldNameEveryFieldAsTheSchemaDoesWhenARecordIsWritten() {
        assertThat(names(RecordJson.of(segmentation("s", 0))))
                .isEqualTo(Segmentation.getClassSchema().getFields().stream()
                        .map(Schema.Field::name)
                        .toList());
    }

    @Test
    void shouldKeepTypesWhenARecordIsWritten() throws Exception {
        JsonNode json = JSON.readTree(RecordJson.of(segmentation("s", 3)).toString());

        assertThat(json.get("revision").isInt()).isTrue();
        assertThat(json.get("revision").intValue()).isEqualTo(3);
        assertThat(json.get("supersedes").isNull()).isTrue();
        assertThat(json.get("trigger").textValue()).isEqualTo("DEADLINE");
        assertThat(json.get("used").get(1).get("scanRevision").intValue()).isEqualTo(1);
        assertThat(json.get("missing").get(0).get("eventId").isNull()).isTrue();
        assertThat(json.get("mask").get("inline").textValue()).isEqualTo("bWFzaw==");
        assertThat(json.get("mask").get("affine").get(1).doubleValue()).isEqualTo(0.5);
        assertThat(json.get("volumesMl").get("WT").doubleValue()).isEqualTo(12.34);
        assertThat(names(json.get("volumesMl"))).containsExactly("ET", "NCR", "WT");
        assertThat(json.get("timingsMs").get("total").longValue()).isEqualTo(2_345);
        assertThat(json.get("finishedAt").textValue()).isEqualTo("2026-01-05T08:00:02.345Z");
    }

    @Test
    void shouldKeepTheInlineMaskReadableWhenARecordIsWrittenTwice() {
        Segmentation segmentation = segmentation("s", 0);

        assertThat(RecordJson.of(segmentation)).isEqualTo(RecordJson.of(segmentation));
    }

    @Test
    void shouldWriteNullAndNotZeroWhenConsistencyIsUndefined() {
        JsonNode gating = RecordJson.of(weights("s", 0, gating("T1", 1, null, null)))
                .get("modalities")
                .get(0);

        assertThat(gating.get("consistencyGlobal").isNull()).isTrue();
        assertThat(gating.get("weight").doubleValue()).isEqualTo(1);
    }

    @Test
    void shouldBeginWithTheTopicWhenItIsGiven() {
        ObjectNode json = RecordJson.withTopic("segmentations", segmentation("s", 0));

        assertThat(names(json)).startsWith("topic", "studyId");
        assertThat(json.get("topic").textValue()).isEqualTo("segmentations");
    }

    private static List<String> names(JsonNode object) {
        List<String> names = new ArrayList<>();
        object.fieldNames().forEachRemaining(names::add);
        return names;
    }
}
