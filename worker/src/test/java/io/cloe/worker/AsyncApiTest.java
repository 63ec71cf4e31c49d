package io.cloe.worker;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.ModelAssignment;
import io.cloe.schemas.ModelComparison;
import io.cloe.schemas.ModelReadiness;
import io.cloe.schemas.QaFeedback;
import io.cloe.schemas.ReprocessCampaign;
import io.cloe.schemas.ReprocessProgress;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyCommand;
import io.cloe.schemas.StudyFailure;
import io.cloe.schemas.StudyStatus;
import io.cloe.topology.Topics;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.avro.Schema;
import org.junit.jupiter.api.Test;

/**
 * The AsyncAPI document of the worker's topics, made from the topics and the schemas. {@code -Dcloe.docs.accept} rewrites it after
 * either has changed.
 */
class AsyncApiTest {

    private static final Path DOCUMENT = Path.of("..", "deploy", "docs", "asyncapi.yaml");
    private static final Path KNOWN =
            Path.of("..", "schemas", "src", "main", "resources", "io", "cloe", "schemas", "known");
    private static final Topics TOPICS = Topics.withPrefix("");
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
    private static final YAMLMapper YAML = YAMLMapper.builder()
            .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
            .disable(YAMLGenerator.Feature.SPLIT_LINES)
            .enable(YAMLGenerator.Feature.MINIMIZE_QUOTES)
            .enable(YAMLGenerator.Feature.INDENT_ARRAYS_WITH_INDICATOR)
            .build();

    /** What the worker does with a topic. */
    private enum Action {
        RECEIVE,
        SEND
    }

    /**
     * A topic that others see.
     *
     * @param name its default name
     * @param schema of its records
     * @param action what the worker does with it
     * @param traced whether its records carry a traceparent header
     * @param compacted whether the last record of a key is kept
     */
    private record Channel(String name, Schema schema, Action action, boolean traced, boolean compacted) {}

    private static List<Channel> channels() {
        return List.of(
                new Channel(TOPICS.scanEvents(), ScanEvent.getClassSchema(), Action.RECEIVE, true, false),
                new Channel(TOPICS.studyCommands(), StudyCommand.getClassSchema(), Action.RECEIVE, false, false),
                new Channel(TOPICS.segmentations(), Segmentation.getClassSchema(), Action.SEND, true, false),
                new Channel(TOPICS.gatingWeights(), GatingWeights.getClassSchema(), Action.SEND, true, false),
                new Channel(TOPICS.studyStatus(), StudyStatus.getClassSchema(), Action.SEND, false, true),
                new Channel(TOPICS.studyFailures(), StudyFailure.getClassSchema(), Action.SEND, false, false),
                new Channel(TOPICS.qaFeedback(), QaFeedback.getClassSchema(), Action.SEND, false, false),
                new Channel(
                        TOPICS.reprocessCampaigns(), ReprocessCampaign.getClassSchema(), Action.RECEIVE, false, true),
                new Channel(TOPICS.reprocessProgress(), ReprocessProgress.getClassSchema(), Action.SEND, false, true),
                new Channel(TOPICS.modelComparisons(), ModelComparison.getClassSchema(), Action.SEND, false, false),
                new Channel(TOPICS.modelAssignments(), ModelAssignment.getClassSchema(), Action.RECEIVE, false, true),
                new Channel(TOPICS.modelReadiness(), ModelReadiness.getClassSchema(), Action.SEND, false, true));
    }

    private static Path newestVersion(Schema schema) {
        int version = 1;
        while (Files.exists(KNOWN.resolve(schema.getName() + "-" + (version + 1) + ".avsc"))) {
            version++;
        }
        return KNOWN.resolve(schema.getName() + "-" + version + ".avsc");
    }

    private static ObjectNode document() {
        ObjectNode document = NODES.objectNode().put("asyncapi", "3.0.0");
        document.putObject("info")
                .put("title", "CLoE streaming inference worker")
                .put("version", "0.1.0")
                .put(
                        "description",
                        "Topics under their default names. Values are Avro in the single-object encoding: C3 01, the schema's CRC-64-AVRO"
                                + " fingerprint, the body. Read with isolation.level=read_committed. Not for clinical use.");
        document.with("info").putObject("license").put("name", "Apache-2.0");
        document.put("defaultContentType", "application/avro");
        ObjectNode channels = document.putObject("channels");
        ObjectNode operations = document.putObject("operations");
        ObjectNode messages = NODES.objectNode();
        for (Channel channel : channels()) {
            add(channel, channels, operations, messages);
        }
        ObjectNode components = document.putObject("components");
        components.set("messages", messages);
        components
                .putObject("schemas")
                .putObject("TraceHeaders")
                .put("type", "object")
                .putObject("properties")
                .putObject("traceparent")
                .put("type", "string")
                .put("description", "W3C trace context; optional.");
        return document;
    }

    private static void add(Channel channel, ObjectNode channels, ObjectNode operations, ObjectNode messages) {
        String record = channel.schema().getName();
        ObjectNode described = channels.putObject(channel.name())
                .put("address", channel.name())
                .put("description", channel.schema().getDoc());
        described.putObject("messages").putObject(record).put("$ref", "#/components/messages/" + record);
        if (channel.compacted()) {
            described
                    .putObject("bindings")
                    .putObject("kafka")
                    .putObject("topicConfiguration")
                    .putArray("cleanup.policy")
                    .add("compact");
        }
        String action = channel.action().name().toLowerCase(Locale.ROOT);
        ObjectNode operation = operations.putObject(action + record).put("action", action);
        operation.putObject("channel").put("$ref", "#/channels/" + channel.name());
        ObjectNode message = messages.putObject(record).put("name", record);
        if (channel.traced()) {
            message.putObject("headers").put("$ref", "#/components/schemas/TraceHeaders");
        }
        ObjectNode payload =
                message.putObject("payload").put("schemaFormat", "application/vnd.apache.avro;version=1.9.0");
        payload.putObject("schema")
                .put(
                        "$ref",
                        DOCUMENT.getParent()
                                .relativize(newestVersion(channel.schema()))
                                .toString());
        message.putObject("bindings")
                .putObject("kafka")
                .putObject("key")
                .put("type", "string")
                .put("description", key(channel.name()));
    }

    private static String key(String topic) {
        Map<String, String> others = Map.of(
                TOPICS.reprocessCampaigns(), "The campaign id, in UTF-8; the same record in every partition.",
                TOPICS.reprocessProgress(), "Campaign id, slash, partition, in UTF-8.",
                TOPICS.modelAssignments(), "The model family, in UTF-8.",
                TOPICS.modelReadiness(), "The worker's id, in UTF-8.");
        return others.getOrDefault(topic, "The study id, in UTF-8.");
    }

    @Test
    void shouldDescribeTheTopicsAsTheyAreWhenTopicsOrSchemasChange() throws Exception {
        String expected = YAML.writeValueAsString(document());
        if (System.getProperty("cloe.docs.accept") != null) {
            Files.writeString(DOCUMENT, expected);
        }

        assertThat(DOCUMENT).hasContent(expected);
    }

    @Test
    void shouldDescribeEveryTopicWhenOneIsAdded() {
        List<String> all = new ArrayList<>(TOPICS.copartitioned());
        all.addAll(TOPICS.outputs());
        all.addAll(TOPICS.besides());
        // Internal, and what could not be read and so has no schema.
        all.removeAll(List.of(TOPICS.inferenceResults(), TOPICS.deadLetters()));

        assertThat(channels()).extracting(Channel::name).containsAll(all);
    }

    @Test
    void shouldReferToTheSchemaThatIsWrittenWhenAConsumerFollowsIt() throws Exception {
        for (Channel channel : channels()) {
            Schema published = new Schema.Parser().parse(Files.readString(newestVersion(channel.schema())));
            assertThat(published).isEqualTo(channel.schema());
        }
    }
}
