package io.cloe.schemas.registry;

import io.cloe.schemas.registry.RegistryException.Kind;
import io.cloe.schemas.serde.RecordFormat;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.apache.avro.Schema;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.Serde;

/**
 * Records in a registry's wire form: {@code 00}, the schema's 4-byte id, the body. The registry is asked once per schema and subject; after
 * that records are read and written without it. For any number of threads.
 */
public final class RegistryFormat implements RecordFormat {

    private static final Duration PAUSE = Duration.ofMillis(200);

    private final RegistrySettings settings;
    private final RegistryClient client;
    private final Map<Key, Integer> ids = new ConcurrentHashMap<>();
    private final Map<Integer, Schema> schemas = new ConcurrentHashMap<>();

    private record Key(String subject, String schemaName) {}

    /** Asks nothing yet. */
    public RegistryFormat(RegistrySettings settings) {
        this.settings = settings;
        this.client = new RegistryClient(settings);
    }

    @Override
    public <T extends SpecificRecord> Serde<T> of(Class<T> type) {
        return new RegistrySerde<>(type, this);
    }

    /**
     * Makes sure that records of a type can be written to a topic: the subject takes their schema, and its id is known from here on. Waits
     * for a registry that starts with the worker.
     *
     * @throws RegistryException if not, with the reason
     */
    public void prepare(String topic, Class<? extends SpecificRecord> type) {
        Schema schema = SpecificData.get().getSchema(type);
        String subject = settings.subjects().subject(topic, schema);
        Optional<String> incompatibility = patiently(() -> client.incompatibility(subject, schema));
        if (incompatibility.isPresent()) {
            throw new RegistryException(
                    Kind.INCOMPATIBLE,
                    "subject " + subject + " refuses the schema of " + schema.getFullName() + ": "
                            + incompatibility.get());
        }
        id(topic, schema);
    }

    /** The id under which a topic's records of a schema travel. */
    int id(String topic, Schema schema) {
        String subject = settings.subjects().subject(topic, schema);
        return ids.computeIfAbsent(
                new Key(subject, schema.getFullName()), key -> patiently(() -> idFromRegistry(subject, schema)));
    }

    private int idFromRegistry(String subject, Schema schema) throws InterruptedException {
        return settings.autoRegister() ? client.register(subject, schema) : client.find(subject, schema);
    }

    /** The schema with which a record was written. */
    Schema schema(int id) {
        return schemas.computeIfAbsent(id, wanted -> patiently(() -> client.schema(wanted)));
    }

    private interface Question<T> {
        T ask() throws InterruptedException;
    }

    /** A registry that restarts must cost no record its place; one that is gone must be noticed. */
    private <T> T patiently(Question<T> question) {
        long end = System.nanoTime() + settings.patience().toNanos();
        try {
            while (true) {
                try {
                    return question.ask();
                } catch (RegistryException e) {
                    if (e.kind() != Kind.UNREACHABLE || System.nanoTime() > end) {
                        throw e;
                    }
                }
                TimeUnit.MILLISECONDS.sleep(PAUSE.toMillis());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RegistryException(Kind.UNREACHABLE, "interrupted while waiting for the schema registry");
        }
    }
}
