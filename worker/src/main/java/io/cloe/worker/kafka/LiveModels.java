package io.cloe.worker.kafka;

import io.cloe.schemas.ModelAssignment;
import io.cloe.schemas.ModelReadiness;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.ModelState;
import io.cloe.schemas.ReadyModel;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.topology.Topics;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.bundle.ModelIdentity;
import io.cloe.worker.kafka.StartupException.Kind;
import io.cloe.worker.models.ModelRepository;
import io.cloe.worker.models.ModelRepository.Absence;
import io.cloe.worker.models.ModelRepository.Absence.State;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.consumer.Consumer;
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
import org.slf4j.event.Level;

/**
 * The models that a worker serves: the live one of each family as the assignment topic says, and those that campaigns ask for. All are
 * loaded by one thread beside the running ones; a job ends with the model that it began with, so that a promotion takes effect between
 * two jobs. What is not live and was not asked for in a while is unloaded. Tells what this worker can run.
 */
final class LiveModels implements AutoCloseable {

    /** Models in memory. Called by one thread, but for {@link #isNamed}. */
    interface Engines {

        /**
         * Loads a bundle on all devices, reproduces its golden window, and serves it.
         *
         * @throws StartupException if that cannot be done; nothing stays loaded then
         */
        void load(ModelBundle bundle) throws StartupException;

        /** Makes a loaded model its family's live one. */
        void makeLive(String digest);

        /** Whether a job that waits or runs names the model. */
        boolean isNamed(String digest);

        /** Serves a loaded model that is not live no more, and frees it when the last job has left it. */
        void unload(String digest);

        /** Models that read their files still: those that were loaded, and are not free yet. */
        Set<String> inMemory();
    }

    private static final Logger LOG = LoggerFactory.getLogger(LiveModels.class);
    private static final Duration POLL = Duration.ofMillis(200);
    private static final Duration HEARTBEAT = Duration.ofSeconds(10);
    private static final Duration LOOK_AGAIN = Duration.ofSeconds(1);
    private static final Duration PATIENCE = Duration.ofSeconds(15);

    private final String workerId = UUID.randomUUID().toString();
    private final ModelRepository repository;
    private final Engines engines;
    private final Duration idle;
    private final String readinessTopic;
    private final Consumer<String, ModelAssignment> consumer;
    private final Producer<String, ModelReadiness> producer;
    private final Clock clock;
    private final Map<String, ModelBundle> configured = new LinkedHashMap<>();
    private final Map<String, ModelBundle> byDigest =
            new LinkedHashMap<>(); // configured ones, and those that are loaded
    private final Set<String> loaded = new HashSet<>(); // guarded by askedAt, with it
    private final Map<String, Instant> askedAt = new HashMap<>();
    private final Set<String> wanted = ConcurrentHashMap.newKeySet();
    private final Map<String, String> problems = new ConcurrentHashMap<>();
    private final Map<String, String> missing = new HashMap<>();
    private final Map<String, ModelAssignment> assignments = new HashMap<>();
    private final Map<String, String> liveByFamily = new HashMap<>();
    private Thread thread;
    private volatile boolean closed;
    private Instant toldAt = Instant.EPOCH;
    private List<ReadyModel> toldModels = List.of();
    private Map<String, String> toldRefused = Map.of();
    private Instant lookedAt = Instant.EPOCH;

    /**
     * @param configured models that are loaded and live already, one per family
     * @param idle how long a model that is not live stays loaded after it was asked for
     */
    LiveModels(
            ClientSettings clients,
            ModelRepository repository,
            List<ModelBundle> configured,
            Engines engines,
            Duration idle) {
        this(
                clients.topics(),
                repository,
                configured,
                engines,
                idle,
                new KafkaConsumer<>(
                        clients.consumer(), new StringDeserializer(), RecordSerde.of(ModelAssignment.class)),
                new KafkaProducer<>(clients.producer(), new StringSerializer(), RecordSerde.of(ModelReadiness.class)),
                Clock.systemUTC());
    }

    LiveModels(
            Topics topics,
            ModelRepository repository,
            List<ModelBundle> configured,
            Engines engines,
            Duration idle,
            Consumer<String, ModelAssignment> consumer,
            Producer<String, ModelReadiness> producer,
            Clock clock) {
        this.repository = repository;
        this.engines = engines;
        this.idle = idle;
        this.readinessTopic = topics.modelReadiness();
        this.consumer = consumer;
        this.producer = producer;
        this.clock = clock;
        for (ModelBundle bundle : configured) {
            this.configured.put(bundle.identity().digest(), bundle);
            loaded.add(bundle.identity().digest());
            liveByFamily.put(bundle.identity().family(), bundle.identity().digest());
        }
        byDigest.putAll(this.configured);
        String topic = topics.modelAssignments();
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
    void start() throws StartupException, InterruptedException {
        begin();
        thread = new Thread(this::run, "cloe-models");
        thread.setDaemon(true);
        thread.start();
    }

    /** All of {@link #start} but its thread. */
    void begin() throws StartupException, InterruptedException {
        Map<TopicPartition, Long> ends = consumer.endOffsets(consumer.assignment(), PATIENCE);
        while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
            read();
        }
        look();
        repository.settle();
        served().stream()
                .map(assignment -> assignment.getLive().getSha256())
                .filter(digest -> !configured.containsKey(digest))
                .forEach(repository::find); // which has it fetched
        repository.settle();
        for (ModelAssignment assignment : served()) {
            if (!makeLive(assignment)) {
                throw new StartupException(
                        Kind.MODEL,
                        "the live model " + named(assignment.getLive()) + " is neither among model.bundles nor in"
                                + " model.repository, or cannot be used: "
                                + absence(assignment.getLive().getSha256())
                                        .map(Absence::why)
                                        .orElseGet(this::notFound));
            }
        }
        tell();
    }

    /** Assignments of families that this worker serves. */
    private List<ModelAssignment> served() {
        return assignments.values().stream()
                .filter(assignment -> liveByFamily.containsKey(assignment.getFamily()))
                .toList();
    }

    private String notFound() {
        String unreadable = repository.refused().get(ModelRepository.ITSELF);
        return unreadable == null ? "not found" : "model.repository cannot be read: " + unreadable;
    }

    /** Why a model that is known cannot be used now. */
    private Optional<Absence> absence(String digest) {
        return Optional.ofNullable(problems.get(digest))
                .map(problem -> new Absence(State.REFUSED, problem))
                .or(() -> repository.absence(digest));
    }

    /** Whether jobs can name the model; if not, it is loaded if it is at hand. Any thread. */
    boolean serves(ModelReference model) {
        String digest = model.getSha256();
        synchronized (askedAt) {
            askedAt.put(digest, clock.instant());
            if (loaded.contains(digest)) {
                return true;
            }
        }
        if (!problems.containsKey(digest)) {
            wanted.add(digest);
        }
        return false;
    }

    private void run() {
        while (!closed) {
            try {
                pass();
            } catch (RuntimeException e) {
                if (!closed) {
                    LOG.warn("models cannot be followed: {}", e.getClass().getSimpleName());
                }
            }
        }
    }

    /** Follows what came, loads what is asked for, unloads what is not, and tells when that has changed, or was told a while ago. */
    void pass() {
        read();
        assignments.values().forEach(this::follow);
        for (String digest : List.copyOf(wanted)) {
            look();
            load(digest);
            wanted.remove(digest);
        }
        unloadIdle();
        boolean due = !clock.instant().isBefore(toldAt.plus(HEARTBEAT));
        if (due) {
            look();
            repository.keep(needed());
        }
        if (due || !readyModels().equals(toldModels) || !repository.refused().equals(toldRefused)) {
            tell();
        }
    }

    private void look() {
        lookedAt = clock.instant();
        repository.look();
    }

    private void read() {
        for (ConsumerRecord<String, ModelAssignment> record : consumer.poll(POLL)) {
            if (record.value() != null) {
                assignments.put(record.value().getFamily(), record.value());
            }
        }
    }

    private void follow(ModelAssignment assignment) {
        String digest = assignment.getLive().getSha256();
        String live = liveByFamily.get(assignment.getFamily());
        boolean nothingToDo = live == null || live.equals(digest) || problems.containsKey(digest);
        boolean lookedJustNow = missing.containsKey(digest) && clock.instant().isBefore(lookedAt.plus(LOOK_AGAIN));
        if (nothingToDo || lookedJustNow) {
            return;
        }
        look();
        if (makeLive(assignment)) {
            return;
        }
        Optional<Absence> absence = absence(digest);
        String why = absence.map(Absence::why).orElse("it is not here yet");
        if (!why.equals(missing.put(digest, why))) {
            Level level = absence.isPresent() && absence.get().state() == State.FETCHING ? Level.INFO : Level.ERROR;
            LOG.atLevel(level)
                    .log(
                            "model {} is to be live, but {}; this worker goes on with the former one",
                            named(assignment.getLive()),
                            why);
        }
    }

    private boolean makeLive(ModelAssignment assignment) {
        String digest = assignment.getLive().getSha256();
        if (!load(digest)) {
            return false;
        }
        engines.makeLive(digest);
        String former = liveByFamily.put(assignment.getFamily(), digest);
        missing.remove(digest);
        synchronized (askedAt) {
            askedAt.put(former, clock.instant()); // whoever rolls back soon need not wait for it
        }
        LOG.info("model {} is live", named(assignment.getLive()));
        return true;
    }

    private void unloadIdle() {
        for (String digest : loaded()) {
            boolean keep = liveByFamily.containsValue(digest);
            synchronized (askedAt) {
                // Whoever was told that it is served hands a job over at once: then it is named, or was asked for just
                // now.
                Instant asked = askedAt.getOrDefault(digest, Instant.EPOCH);
                keep |= clock.instant().isBefore(asked.plus(idle)) || engines.isNamed(digest);
                if (!keep) {
                    loaded.remove(digest);
                }
            }
            if (!keep) {
                engines.unload(digest);
                ModelIdentity model = byDigest.get(digest).identity();
                if (!configured.containsKey(digest)) {
                    byDigest.remove(digest); // its files may go; the repository has it again
                }
                LOG.info(
                        "model {} {} {} is unloaded: it is not live, and nobody asked for it in {}",
                        model.family(),
                        model.id(),
                        model.version(),
                        idle);
            }
        }
    }

    /** Models whose files are read still, or soon: also that which a rollback would go back to. */
    private Set<String> needed() {
        Set<String> needed = new HashSet<>(engines.inMemory());
        needed.addAll(loaded()); // one that is loaded anew may still be freed for the first time
        for (ModelAssignment assignment : assignments.values()) {
            needed.add(assignment.getLive().getSha256());
            if (assignment.getPrevious() != null) {
                needed.add(assignment.getPrevious().getSha256());
            }
        }
        synchronized (askedAt) {
            askedAt.forEach((digest, asked) -> {
                if (clock.instant().isBefore(asked.plus(idle))) {
                    needed.add(digest);
                }
            });
        }
        return needed;
    }

    private Set<String> loaded() {
        synchronized (askedAt) {
            return Set.copyOf(loaded);
        }
    }

    private static String named(ModelReference model) {
        return model.getFamily() + " " + model.getId() + " " + model.getVersion();
    }

    private boolean load(String digest) {
        if (loaded().contains(digest)) {
            return true;
        }
        Optional<ModelBundle> found = Optional.ofNullable(byDigest.get(digest)).or(() -> repository.find(digest));
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
            engines.load(bundle);
        } catch (StartupException e) {
            problems.put(digest, e.getMessage());
            LOG.error("a model cannot be used: {}", e.getMessage());
            return false;
        }
        byDigest.put(digest, bundle);
        synchronized (askedAt) {
            loaded.add(digest);
            askedAt.put(digest, clock.instant());
        }
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
        toldAt = clock.instant();
        toldModels = readyModels();
        toldRefused = repository.refused();
        ModelReadiness readiness = new ModelReadiness(workerId, toldModels, toldRefused, clock.instant());
        producer.send(new ProducerRecord<>(readinessTopic, workerId, readiness));
    }

    private List<ReadyModel> readyModels() {
        Map<String, ModelBundle> all = new LinkedHashMap<>(byDigest);
        repository.bundles().forEach(bundle -> all.putIfAbsent(bundle.identity().digest(), bundle));
        return all.values().stream().map(this::ready).toList();
    }

    private ReadyModel ready(ModelBundle bundle) {
        ModelIdentity identity = bundle.identity();
        String digest = identity.digest();
        Optional<Absence> absence = loaded().contains(digest) ? Optional.empty() : absence(digest);
        ModelState state = ModelState.KNOWN;
        if (absence.isPresent() && absence.get().state() == State.REFUSED) {
            state = ModelState.REFUSED;
        } else if (liveByFamily.containsValue(digest)) {
            state = ModelState.LIVE;
        } else if (loaded().contains(digest)) {
            state = ModelState.LOADED;
        }
        return new ReadyModel(
                new ModelReference(identity.family(), identity.id(), identity.version(), digest),
                state,
                bundle.labelScheme(),
                bundle.modalities(),
                absence.map(Absence::why).orElse(null));
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
