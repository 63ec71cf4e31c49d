package io.cloe.it.tools;

import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.registry.ForeignFormat;
import io.cloe.schemas.registry.RegistryFormat;
import io.cloe.schemas.registry.RegistrySettings;
import io.cloe.schemas.serde.RecordSerde;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.Serde;

/**
 * A program of somebody who uses Confluent's serializer: its classes, with the Kafka client that they come with, are on the class path of
 * this program's process and on no other.
 */
public final class ConfluentPeer {

    private static final String SERIALIZER = "io.confluent.kafka.serializers.KafkaAvroSerializer";
    private static final String DESERIALIZER = "io.confluent.kafka.serializers.KafkaAvroDeserializer";

    private ConfluentPeer() {}

    /** {@code produce REGISTRY BROKER TOPIC EVENT}, {@code consume REGISTRY BROKER TOPIC} or {@code foreign REGISTRY EVENT}; EVENT is hex. */
    public static void main(String[] arguments) throws Exception {
        String registry = arguments[1];
        switch (arguments[0]) {
            case "produce" -> produce(registry, arguments[2], arguments[3], event(arguments[4]));
            case "consume" -> consume(registry, arguments[2], arguments[3]);
            default ->
                foreign(
                        registry,
                        RecordSerde.of(ScanEvent.class)
                                .deserialize("", HexFormat.of().parseHex(arguments[2])));
        }
    }

    /** Without this project's serde, which needs a newer Avro than Confluent's classes come with. */
    private static ScanEvent event(String hex) throws IOException {
        return ScanEvent.fromByteBuffer(ByteBuffer.wrap(HexFormat.of().parseHex(hex)));
    }

    private static Map<String, Object> settings(String registry) {
        Map<String, Object> settings = new HashMap<>();
        settings.put("schema.registry.url", registry);
        settings.put("specific.avro.reader", true);
        return settings;
    }

    private static void produce(String registry, String broker, String topic, ScanEvent event) throws Exception {
        Map<String, Object> settings = settings(registry);
        settings.put("bootstrap.servers", broker);
        settings.put("key.serializer", "org.apache.kafka.common.serialization.StringSerializer");
        settings.put("value.serializer", SERIALIZER);
        try (KafkaProducer<String, Object> producer = new KafkaProducer<>(settings)) {
            producer.send(new ProducerRecord<>(topic, event.getStudyId(), event))
                    .get();
        }
        System.out.println("sent");
    }

    private static void consume(String registry, String broker, String topic) {
        Map<String, Object> settings = settings(registry);
        settings.put("bootstrap.servers", broker);
        settings.put("group.id", UUID.randomUUID().toString());
        settings.put("auto.offset.reset", "earliest");
        settings.put("isolation.level", "read_committed");
        settings.put("key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
        settings.put("value.deserializer", DESERIALIZER);
        try (KafkaConsumer<String, Object> consumer = new KafkaConsumer<>(settings)) {
            consumer.subscribe(List.of(topic));
            while (true) {
                for (ConsumerRecord<String, Object> record : consumer.poll(Duration.ofMillis(200))) {
                    System.out.println("read " + record.value().getClass().getSimpleName() + " of " + record.key());
                    return;
                }
            }
        }
    }

    /** As a worker that is told to use Confluent's classes. */
    private static void foreign(String registry, ScanEvent event) {
        Serde<ScanEvent> theirs = new ForeignFormat(SERIALIZER, DESERIALIZER, settings(registry)).of(ScanEvent.class);
        Serde<ScanEvent> ours = new RegistryFormat(RegistrySettings.of(URI.create(registry))).of(ScanEvent.class);
        byte[] written = theirs.serializer().serialize("foreign", event);
        require(ours.deserializer().deserialize("foreign", written).equals(event), "our reader of their bytes");
        byte[] oursWritten = ours.serializer().serialize("foreign", event);
        require(theirs.deserializer().deserialize("foreign", oursWritten).equals(event), "their reader of our bytes");
        require(Arrays.equals(written, oursWritten), "the same bytes");
        byte[] singleObject = RecordSerde.of(ScanEvent.class).serialize("foreign", event);
        require(theirs.deserializer().deserialize("foreign", singleObject).equals(event), "the other form");
        System.out.println("both ways");
    }

    private static void require(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError(what);
        }
    }
}
