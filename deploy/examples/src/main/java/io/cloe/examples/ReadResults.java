package io.cloe.examples;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.schemas.AbsentModality;
import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.ModalityGating;
import io.cloe.schemas.ScanReference;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.registry.RegistryFormat;
import io.cloe.schemas.registry.RegistrySettings;
import io.cloe.schemas.serde.RecordFormat;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * Prints each result as a line of JSON: a mask with its volumes, and the weights that the model gave the modalities.
 *
 * <p>A result is two records, a {@link Segmentation} and a {@link GatingWeights}, which the worker commits together. They come from two
 * topics, so one may be read some time before the other; the revision of the study says which belong together.
 */
public final class ReadResults {

    private static final int IDLE_POLLS = 20;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Deserializer<Segmentation> segmentations;
    private final Deserializer<GatingWeights> weights;
    private final Map<Revision, Segmentation> withoutWeights = new HashMap<>();
    private final Map<Revision, GatingWeights> withoutSegmentation = new HashMap<>();

    /** What one result is known by. */
    private record Revision(String studyId, int number) {}

    private ReadResults(RecordFormat format) {
        segmentations = format.of(Segmentation.class).deserializer();
        weights = format.of(GatingWeights.class).deserializer();
    }

    /**
     * Reads until it is stopped, or until there were as many results as asked for.
     *
     * @param arguments a properties file, and how many results to read (optional). Properties: {@code bootstrap.servers}, {@code group.id}
     *     and others of Kafka's consumer; {@code registry.url} if the site has a schema registry; {@code topics.prefix} if the site's
     *     topics have one
     */
    public static void main(String[] arguments) throws IOException {
        Properties settings = new Properties();
        try (InputStream file = Files.newInputStream(Path.of(arguments[0]))) {
            settings.load(file);
        }
        long wanted = arguments.length > 1 ? Long.parseLong(arguments[1]) : Long.MAX_VALUE;
        // Either reads Avro's single-object encoding; with a registry, the registry's form too.
        String registry = settings.getProperty("registry.url");
        RecordFormat format = registry == null
                ? RecordFormat.singleObject()
                : new RegistryFormat(RegistrySettings.of(URI.create(registry)));
        new ReadResults(format).read(settings, wanted, System.out);
    }

    private void read(Properties settings, long wanted, PrintStream out) {
        String prefix = settings.getProperty("topics.prefix", "");
        String segmentationTopic = prefix + "segmentations";
        String weightTopic = prefix + "gating-weights";
        Properties kafka = new Properties();
        kafka.setProperty(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        kafka.putAll(settings);
        // Without it one sees what a worker wrote and then took back.
        kafka.setProperty(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        // Committed by hand, below: a result counts as read when something was done with it.
        kafka.setProperty(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "false");
        try (KafkaConsumer<String, byte[]> consumer =
                new KafkaConsumer<>(kafka, new StringDeserializer(), new ByteArrayDeserializer())) {
            consumer.subscribe(List.of(segmentationTopic, weightTopic));
            long seen = 0;
            int idle = 0;
            while (seen < wanted) {
                ConsumerRecords<String, byte[]> records = consumer.poll(Duration.ofMillis(500));
                for (ConsumerRecord<String, byte[]> record : records) {
                    if (record.value() == null) {
                        continue; // The study was deleted from the topic.
                    }
                    ObjectNode result = record.topic().equals(segmentationTopic)
                            ? take(segmentations.deserialize(record.topic(), record.value()))
                            : take(weights.deserialize(record.topic(), record.value()));
                    if (result != null) {
                        out.println(result);
                        seen++;
                    }
                }
                idle = records.isEmpty() ? idle + 1 : 0;
                if (idle >= IDLE_POLLS) {
                    // The other record was deleted from its topic; had it been there, it would have come.
                    withoutWeights.clear();
                    withoutSegmentation.clear();
                }
                if (withoutWeights.isEmpty() && withoutSegmentation.isEmpty()) {
                    consumer.commitSync(); // Not between the two records of a result: after a restart both are needed.
                }
            }
        }
    }

    private ObjectNode take(Segmentation segmentation) {
        Revision revision = new Revision(segmentation.getStudyId(), segmentation.getRevision());
        GatingWeights other = withoutSegmentation.remove(revision);
        if (other == null) {
            withoutWeights.put(revision, segmentation);
            return null;
        }
        return describe(segmentation, other);
    }

    private ObjectNode take(GatingWeights gating) {
        Revision revision = new Revision(gating.getStudyId(), gating.getRevision());
        Segmentation other = withoutWeights.remove(revision);
        if (other == null) {
            withoutSegmentation.put(revision, gating);
            return null;
        }
        return describe(other, gating);
    }

    private static ObjectNode describe(Segmentation segmentation, GatingWeights gating) {
        ObjectNode result = JSON.createObjectNode();
        result.put("study", segmentation.getStudyId());
        result.put("revision", segmentation.getRevision());
        result.put("trigger", segmentation.getTrigger().name());
        result.set(
                "used",
                JSON.valueToTree(segmentation.getUsed().stream()
                        .map(ScanReference::getModality)
                        .toList()));
        result.set(
                "missing",
                JSON.valueToTree(segmentation.getMissing().stream()
                        .map(AbsentModality::getModality)
                        .toList()));
        // A missing modality has no weight; that is not a weight of 0.
        ObjectNode byModality = result.putObject("weights");
        for (ModalityGating modality : gating.getModalities()) {
            byModality.put(modality.getModality(), modality.getWeight());
        }
        result.put("gateActed", gating.getGateActed());
        result.set("volumesMl", JSON.valueToTree(new TreeMap<>(segmentation.getVolumesMl())));
        result.set("flags", JSON.valueToTree(segmentation.getFlags()));
        result.put("mask", segmentation.getMask().getUri());
        result.put("maskSha256", segmentation.getMask().getSha256());
        return result;
    }
}
