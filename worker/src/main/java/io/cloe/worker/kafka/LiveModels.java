package io.cloe.worker.kafka;

import io.cloe.schemas.ModelAssignment;
import io.cloe.schemas.ModelReadiness;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.ModelState;
import io.cloe.schemas.ReadyModel;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.bundle.ModelIdentity;
import io.cloe.worker.execution.ModelEngines;
import io.cloe.worker.execution.PipelinedExecutor;
import io.cloe.worker.kafka.StartupException.Kind;
import io.cloe.worker.models.ModelRepository;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The models that a worker serves: the live one of each family as the assignment topic says, and those that campaigns ask for. All are
 * loaded by one thread beside the running ones; a job ends with the model that it began with, so that a promotion takes effect between
 * two jobs. Tells what this worker can run.
 */
final class LiveModels implements AutoCloseable {

    /** Loads a bundle on all devices, and reproduces its golden window. */
    interface Loader {
        ModelEngines load(ModelBundle bundle) throws StartupException;
    }

    private static final Logger LOG = LoggerFactory.getLogger(LiveModels.class);
    private static final Duration POLL = Duration.ofMillis(200);
    private static final Duration HEARTBEAT = Duration.ofSeconds(10);
    private static final Duration PATIENCE = Duration.ofSeconds(15);

    private final String workerId = UUID.randomUUID().toString();
    private final ModelRepository repository;
    private final Loader loader;
    private final String readinessTopic;
    private final KafkaConsumer<String, ModelAssignment> consumer;
    private final Producer<String, ModelReadiness> producer;
    private final Map<String, ModelBundle> byDigest = new LinkedHashMap<>();
    private final Set<String> loaded = ConcurrentHashMap.newKeySet();
    private final Set<String> wanted = ConcurrentHashMap.newKeySet();
    private final Map<String, String> problems = new ConcurrentHashMap<>();
    private final Map<String, ModelAssignment> assignments = new HashMap<>();
    private final Map<String, String> liveByFamily = new HashMap<>();
    private PipelinedExecutor executor;
    private Thread thread;
    private volatile boolean closed;
    private long toldAt;

    LiveModels(ClientSettings clients, ModelRepository repository, List<ModelBundle> configured, Loader loader) {
        this.repository = repository;
        this.loader = loader;
        this.readinessTopic = clients.topics().modelReadiness();
        for (ModelBundle bundle : configured) {
            byDigest.put(bundle.identity().digest(), bundle);
            loaded.add(bundle.identity().digest());
            liveByFamily.put(bundle.identity().family(), bundle.identity().digest());
        }
        String topic = clients.topics().modelAssignments();
        consumer = new KafkaConsumer<>(
                clients.consumer(), new StringDeserializer(), RecordSerde.of(ModelAssignment.class));
        producer =
                new KafkaProducer<>(clients.producer(), new StringSerializer(), RecordSerde.of(ModelReadiness.class));
        List<TopicPartition> partitions = consumer.partitionsFor(topic, PATIENCE).stream()
                .map(one -> new TopicPartition(topic, one.partition()))
                .toList();
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
    }

    /**
     * Makes the assigned models live before the first job, and follows the assignments from then on.
     *
     * @throws StartupException if an assigned model is not at hand: a result of another one would mix two
     */
    void start(PipelinedExecutor itsExecutor) throws StartupException {
        executor = itsExecutor;
        Map<TopicPartition, Long> ends = consumer.endOffsets(consumer.assignment(), PATIENCE);
        while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
            read();
        }
        repository.look();
        for (ModelAssignment assignment : assignments.values()) {
            if (liveByFamily.containsKey(assignment.getFamily()) && !makeLive(assignment)) {
                throw new StartupException(
                        Kind.MODEL,
                        "the live model " + named(assignment.getLive()) + " is neither among model.bundles nor in"
                                + " model.repository, or cannot be used: "
                                + problems.getOrDefault(assignment.getLive().getSha256(), "not found"));
            }
        }
        tell();
        thread = new Thread(this::run, "cloe-models");
        thread.setDaemon(true);
        thread.start();
    }

    /** Whether jobs can name the model; if not, it is loaded if it is at hand. Any thread. */
    boolean serves(ModelReference model) {
        if (loaded.contains(model.getSha256())) {
            return true;
        }
        if (!problems.containsKey(model.getSha256())) {
            wanted.add(model.getSha256());
        }
        return false;
    }

    private void run() {
        while (!closed) {
            try {
                boolean changed = read();
                for (ModelAssignment assignment : assignments.values()) {
                    changed |= follow(assignment);
                }
                for (String digest : List.copyOf(wanted)) {
                    repository.look();
                    changed |= load(digest);
                    wanted.remove(digest);
                }
                if (changed || System.nanoTime() - toldAt > HEARTBEAT.toNanos()) {
                    repository.look();
                    tell();
                }
            } catch (RuntimeException e) {
                if (!closed) {
                    LOG.warn("models cannot be followed: {}", e.getClass().getSimpleName());
                }
            }
        }
    }

    private boolean read() {
        boolean any = false;
        for (ConsumerRecord<String, ModelAssignment> record : consumer.poll(POLL)) {
            if (record.value() != null) {
                assignments.put(record.value().getFamily(), record.value());
                any = true;
            }
        }
        return any;
    }

    private boolean follow(ModelAssignment assignment) {
        String digest = assignment.getLive().getSha256();
        String live = liveByFamily.get(assignment.getFamily());
        boolean nothingToDo = live == null || live.equals(digest) || problems.containsKey(digest);
        if (nothingToDo) {
            return false;
        }
        repository.look();
        if (!makeLive(assignment)) {
            LOG.error(
                    "model {} is to be live, but is not here: this worker goes on with the former one",
                    named(assignment.getLive()));
            return false;
        }
        return true;
    }

    private boolean makeLive(ModelAssignment assignment) {
        String digest = assignment.getLive().getSha256();
        if (!load(digest)) {
            return false;
        }
        executor.makeLive(digest);
        liveByFamily.put(assignment.getFamily(), digest);
        LOG.info("model {} is live", named(assignment.getLive()));
        return true;
    }

    private static String named(ModelReference model) {
        return model.getFamily() + " " + model.getId() + " " + model.getVersion();
    }

    private boolean load(String digest) {
        if (loaded.contains(digest)) {
            return true;
        }
        Optional<ModelBundle> found = repository.find(digest);
        if (found.isEmpty()) {
            return false;
        }
        ModelBundle bundle = found.get();
        Optional<String> misfit = misfit(bundle);
        if (misfit.isPresent()) {
            problems.put(digest, misfit.get());
            return false;
        }
        try {
            executor.serve(loader.load(bundle));
        } catch (StartupException e) {
            problems.put(digest, e.getMessage());
            LOG.error("a model cannot be used: {}", e.getMessage());
            return false;
        }
        byDigest.put(digest, bundle);
        loaded.add(digest);
        return true;
    }

    /** Studies and masks of a family are made for its modalities and labels. */
    private Optional<String> misfit(ModelBundle bundle) {
        ModelBundle live = byDigest.get(liveByFamily.get(bundle.identity().family()));
        if (live == null) {
            return Optional.of("this worker does not serve the family");
        }
        if (!live.labelScheme().equals(bundle.labelScheme())) {
            return Optional.of("label scheme " + bundle.labelScheme() + "; the live model has " + live.labelScheme());
        }
        return live.modalities().equals(bundle.modalities())
                ? Optional.empty()
                : Optional.of("modalities " + bundle.modalities() + "; the live model has " + live.modalities());
    }

    private void tell() {
        toldAt = System.nanoTime();
        Map<String, ModelBundle> all = new LinkedHashMap<>(byDigest);
        repository.bundles().forEach(bundle -> all.putIfAbsent(bundle.identity().digest(), bundle));
        List<ReadyModel> models = new ArrayList<>();
        all.values().forEach(bundle -> models.add(ready(bundle)));
        ModelReadiness readiness =
                new ModelReadiness(workerId, models, Clock.systemUTC().instant());
        producer.send(new ProducerRecord<>(readinessTopic, workerId, readiness));
    }

    private ReadyModel ready(ModelBundle bundle) {
        ModelIdentity identity = bundle.identity();
        String digest = identity.digest();
        ModelState state = ModelState.KNOWN;
        if (problems.containsKey(digest)) {
            state = ModelState.REFUSED;
        } else if (liveByFamily.containsValue(digest)) {
            state = ModelState.LIVE;
        } else if (loaded.contains(digest)) {
            state = ModelState.LOADED;
        }
        return new ReadyModel(
                new ModelReference(identity.family(), identity.id(), identity.version(), digest),
                state,
                bundle.labelScheme(),
                bundle.modalities(),
                problems.get(digest));
    }

    @Override
    public void close() throws InterruptedException {
        closed = true;
        if (thread != null) {
            thread.join(PATIENCE.toMillis());
        }
        producer.send(new ProducerRecord<>(readinessTopic, workerId, null));
        producer.close(Duration.ofSeconds(5));
        if (thread == null || !thread.isAlive()) {
            consumer.close();
        }
    }
}
