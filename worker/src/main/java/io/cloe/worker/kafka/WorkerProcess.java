package io.cloe.worker.kafka;

import io.cloe.schemas.ModelReference;
import io.cloe.topology.InferenceExecutor;
import io.cloe.topology.KeyPlacement;
import io.cloe.topology.StudyTopology;
import io.cloe.topology.study.RuleBook;
import io.cloe.worker.bundle.BundleException;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.config.ConfigurationException;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.execution.ModelEngines;
import io.cloe.worker.execution.PipelinedExecutor;
import io.cloe.worker.inference.BundleVerifier;
import io.cloe.worker.inference.DeviceChoice;
import io.cloe.worker.inference.EngineException;
import io.cloe.worker.inference.InferenceEngine;
import io.cloe.worker.inference.StudyEngine;
import io.cloe.worker.kafka.StartupException.Kind;
import io.cloe.worker.masks.MaskStore;
import io.cloe.worker.masks.MaskStoreException;
import io.cloe.worker.metrics.ExecutorMeters;
import io.cloe.worker.metrics.JobMeters;
import io.cloe.worker.models.ModelRepository;
import io.cloe.worker.stores.MaskPlace;
import io.cloe.worker.stores.ModelPlace;
import io.cloe.worker.stores.S3Prefix;
import io.cloe.worker.stores.Stores;
import io.cloe.worker.tracing.JobTraces;
import io.cloe.worker.tracing.TraceExport;
import io.cloe.worker.volume.NiftiReader;
import io.cloe.worker.volume.VolumeSource;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.kafka.KafkaStreamsMetrics;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.common.errors.InvalidTxnStateException;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.ProcessorStateException;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A running worker. Everything that can be wrong is found before it joins the group. */
public final class WorkerProcess implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(WorkerProcess.class);
    private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(30);
    private static final String MODEL_DEVICE = "cloe.model.device";

    private final List<AutoCloseable> resources = new ArrayList<>();
    private final CompletableFuture<Void> running = new CompletableFuture<>();
    private final CompletableFuture<Void> ended = new CompletableFuture<>();
    private volatile KafkaStreams streams;
    private LocalState localState;
    private VolumeSource volumes;
    private MaskStore masks;
    private volatile boolean stateIsDamaged;

    private WorkerProcess() {}

    /**
     * Checks everything and starts.
     *
     * @throws ConfigurationException if settings contradict the models
     * @throws StartupException if a bundle, the device, the mask directory, Kafka or a topic cannot be used
     */
    public static WorkerProcess start(WorkerConfig config)
            throws ConfigurationException, StartupException, InterruptedException {
        return start(config, WorkerParts.plain());
    }

    /**
     * Checks everything and starts, with something between the worker and the world.
     *
     * @throws ConfigurationException if settings contradict the models
     * @throws StartupException if a bundle, the device, the mask directory, Kafka or a topic cannot be used
     */
    public static WorkerProcess start(WorkerConfig config, WorkerParts parts)
            throws ConfigurationException, StartupException, InterruptedException {
        WorkerProcess worker = new WorkerProcess();
        try {
            worker.open(config, parts);
            return worker;
        } catch (ConfigurationException | StartupException | InterruptedException | RuntimeException e) {
            worker.close();
            throw e;
        }
    }

    private void open(WorkerConfig config, WorkerParts parts)
            throws ConfigurationException, StartupException, InterruptedException {
        Properties settings = StreamsSettings.of(config);
        ServedModels models = ServedModels.open(config.modelBundles());
        RuleBook rules = models.requireFitting(config.rules());
        Stores stores = new Stores(config.stores(), parts.meters());
        resources.add(0, stores);
        masks = parts.masks().apply(openMasks(stores, config.maskPlace()));
        volumes = parts.volumes()
                .apply(stores.volumes(
                        config.volumeRoots(), new NiftiReader(config.inference().maxVoxels())));
        requireWritable(config.stateDirectory());
        ClientSettings clients = ClientSettings.of(config);
        KeyPlacement placement;
        try (TopicAdmin admin = new TopicAdmin(clients)) {
            placement = KeyPlacement.of(admin.check());
        }
        RegistryCheck.check(config);
        List<ModelEngines> engines = new ArrayList<>();
        for (ModelBundle bundle : models.bundles()) {
            engines.add(openEngines(bundle, config, parts.meters(), resources));
        }
        TraceExport export = TraceExport.open(config.traceEndpoint(), config.applicationId());
        resources.add(0, export);
        JobTraces traces = new JobTraces(export.tracer(), Clock.systemUTC());
        JobMeters meters = new JobMeters(parts.meters(), Clock.systemUTC(), config.metricsSites());
        KafkaResultSender sender = new KafkaResultSender(clients);
        resources.add(0, sender);
        PipelinedExecutor executor = new PipelinedExecutor(
                engines,
                job -> Optional.ofNullable(job.getModel()).map(ModelReference::getSha256),
                volumes,
                masks,
                parts.results().apply(traces.around(meters.around(sender))),
                config.inference().executor(),
                () -> ended.completeExceptionally(new IllegalStateException("no device answers any more")),
                Clock.systemUTC(),
                new SecureRandom());
        ExecutorEngines lateEngines = new ExecutorEngines(
                executor,
                (bundle, opened) -> openEngines(bundle, config, parts.meters(), opened),
                bundle -> forget(bundle, parts.meters()));
        resources.add(0, lateEngines);
        resources.add(0, executor);
        ModelRepository repository = openRepository(stores, config);
        resources.add(0, repository);
        LiveModels liveModels = new LiveModels(
                clients,
                repository,
                models.bundles(),
                lateEngines,
                config.inference().sessionIdle());
        resources.add(0, liveModels);
        liveModels.start();
        ExecutorMeters.register(executor, parts.meters());
        InferenceExecutor withModels = InferenceExecutor.with(executor::open, liveModels::serves);
        Topology topology = StudyTopology.build(
                config.topics(),
                config.records(),
                placement,
                rules,
                models.families(),
                traces.around(meters.around(withModels)));
        localState = new LocalState(config.stateDirectory(), config.applicationId());
        try {
            startStreams(topology, settings, parts);
        } catch (ProcessorStateException e) {
            if (!LocalState.isDamaged(e)) {
                throw e;
            }
            discard(localState);
            startStreams(topology, settings, parts);
        }
    }

    private void startStreams(Topology topology, Properties settings, WorkerParts parts) {
        KafkaStreams client = parts.clients()
                .map(clientSupplier -> new KafkaStreams(topology, settings, clientSupplier))
                .orElseGet(() -> new KafkaStreams(topology, settings));
        streams = client;
        client.setStateListener((now, before) -> {
            if (client == streams) { // and not one that could not be started
                stateChanged(now, before);
            }
        });
        client.setUncaughtExceptionHandler(this::threadDied);
        try {
            client.start();
            KafkaStreamsMetrics streamsMeters = new KafkaStreamsMetrics(client);
            streamsMeters.bindTo(parts.meters());
            resources.add(0, streamsMeters);
            StudyMeters.register(client, parts.meters());
        } catch (RuntimeException e) {
            streams = null;
            client.close();
            throw e;
        }
    }

    private static void discard(LocalState state) {
        LOG.warn("the local state is damaged; it is thrown away, and restored from the changelog topics");
        try {
            state.discard();
        } catch (IOException e) {
            throw new UncheckedIOException("the damaged local state cannot be deleted", e);
        }
    }

    /** Kafka Streams would say the same in a stack, and only after the models are loaded. */
    private static void requireWritable(Path stateDirectory) throws ConfigurationException {
        try {
            if (!Files.isDirectory(stateDirectory)) { // Java 17 does not take a link to a folder for one that exists
                Files.createDirectories(stateDirectory);
            }
            Files.delete(Files.createTempFile(stateDirectory, ".probe-", ".tmp"));
        } catch (IOException e) {
            throw new ConfigurationException(
                    "setting " + WorkerConfig.STATE_DIRECTORY + " " + stateDirectory + " cannot be written to ("
                            + e.getClass().getSimpleName() + "); allowed: a folder that this process may write to");
        }
    }

    private static MaskStore openMasks(Stores stores, MaskPlace place) throws StartupException {
        try {
            return stores.masks(place);
        } catch (MaskStoreException e) {
            throw new StartupException(
                    Kind.MASK_STORE, "setting " + WorkerConfig.MASK_DIRECTORY + " " + place + ": " + e.getMessage());
        }
    }

    private static ModelRepository openRepository(Stores stores, WorkerConfig config) throws ConfigurationException {
        Optional<ModelPlace> place = config.modelRepository();
        Optional<S3Prefix> bucket = place.flatMap(ModelPlace::bucket);
        if (bucket.isEmpty()) {
            return place.flatMap(ModelPlace::folder)
                    .map(ModelRepository::inFolder)
                    .orElseGet(ModelRepository::none);
        }
        Path cache = config.modelCacheDirectory();
        try {
            return ModelRepository.inBucket(stores.bundles(bucket.get()), cache);
        } catch (IOException e) {
            throw new ConfigurationException("setting " + WorkerConfig.MODEL_CACHE_DIRECTORY + " " + cache
                    + " cannot be used (" + e.getClass().getSimpleName()
                    + "); allowed: a folder that this process may write to, and that no other worker uses");
        }
    }

    private static ModelEngines openEngines(
            ModelBundle bundle, WorkerConfig config, MeterRegistry meters, List<AutoCloseable> owner)
            throws StartupException {
        List<StudyEngine> engines = new ArrayList<>();
        for (DeviceChoice device : config.inference().devices()) {
            InferenceEngine engine = openEngine(bundle, device, config, owner);
            measure(engine, meters);
            engines.add(engine);
        }
        if (bundle.notForClinicalUse()) {
            LOG.warn(
                    "model {} is for demonstration, NOT FOR CLINICAL USE",
                    bundle.identity().id());
        }
        return new ModelEngines(bundle, engines);
    }

    private static InferenceEngine openEngine(
            ModelBundle bundle, DeviceChoice device, WorkerConfig config, List<AutoCloseable> owner)
            throws StartupException {
        try {
            InferenceEngine engine =
                    BundleVerifier.openVerified(bundle, config.inference().engine(device));
            owner.add(0, engine);
            if (config.inference().warmsUp()) {
                engine.warmUp();
            }
            LOG.info(
                    "model {} {} {} (sha256 {}) on {} ({}; asked for {})",
                    bundle.identity().family(),
                    bundle.identity().id(),
                    bundle.identity().version(),
                    bundle.identity().digest(),
                    engine.device().running(),
                    engine.device().reason(),
                    engine.device().asked());
            return engine;
        } catch (BundleException e) {
            throw new StartupException(Kind.MODEL, "model bundle refused: " + e.kind() + ": " + e.getMessage());
        } catch (EngineException e) {
            boolean ofModel = e.kind() == EngineException.Kind.BUNDLE_REFUSED;
            throw new StartupException(
                    ofModel ? Kind.MODEL : Kind.DEVICE,
                    (ofModel ? "model bundle refused: " : "device " + device + ": ") + e.getMessage());
        }
    }

    private static void measure(InferenceEngine engine, MeterRegistry meters) {
        Gauge.builder(MODEL_DEVICE, () -> 1)
                .description("1 per model that is served: its version, the device asked for and the one that runs.")
                .tag("family", engine.bundle().identity().family())
                .tag("model", engine.bundle().identity().id())
                .tag("version", engine.bundle().identity().version())
                .tag("asked", String.valueOf(engine.device().asked()))
                .tag("running", String.valueOf(engine.device().running()))
                .register(meters);
    }

    private static void forget(ModelBundle bundle, MeterRegistry meters) {
        meters.find(MODEL_DEVICE)
                .tag("family", bundle.identity().family())
                .tag("model", bundle.identity().id())
                .tag("version", bundle.identity().version())
                .gauges()
                .forEach(meters::remove);
    }

    private void stateChanged(KafkaStreams.State now, KafkaStreams.State before) {
        LOG.info("streams {} -> {}", before, now);
        if (now == KafkaStreams.State.RUNNING) {
            running.complete(null);
        }
        if (now == KafkaStreams.State.ERROR || now == KafkaStreams.State.NOT_RUNNING) {
            ended.complete(null);
        }
    }

    /**
     * Fails fast: whoever runs the process starts it again, and the group's other workers take over meanwhile. Only a thread that stood
     * still, with the whole machine perhaps, for longer than its transaction may take is replaced: nothing is wrong with the process, and
     * what it was about to commit was given up by the broker. Kafka Streams 4.3 takes that for fatal.
     */
    private StreamThreadExceptionResponse threadDied(Throwable failure) {
        if (hasCause(failure, InvalidTxnStateException.class)) {
            LOG.warn("a stream thread stood still until its transaction was given up; another one takes its place");
            return StreamThreadExceptionResponse.REPLACE_THREAD;
        }
        LOG.error("a stream thread died", failure);
        stateIsDamaged |= LocalState.isDamaged(failure);
        ended.completeExceptionally(failure);
        return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
    }

    private static boolean hasCause(Throwable failure, Class<? extends Throwable> type) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (type.isInstance(cause)) {
                return true;
            }
        }
        return false;
    }

    /**
     * Waits until the worker has joined the group and restored its state.
     *
     * @return whether it did within the time
     */
    public boolean awaitRunning(Duration patience) throws InterruptedException {
        try {
            CompletableFuture.anyOf(running, ended).get(patience.toMillis(), TimeUnit.MILLISECONDS);
            return running.isDone();
        } catch (java.util.concurrent.ExecutionException e) {
            LOG.debug("ended before it was running", e);
            return false;
        } catch (TimeoutException e) {
            return false;
        }
    }

    /** Whether it does its work or is about to: it has joined its group and has not stopped. */
    public boolean isReady() {
        KafkaStreams client = streams;
        return running.isDone() && client != null && client.state().isRunningOrRebalancing();
    }

    /** Where its volumes come from, below the configured roots. */
    public VolumeSource volumes() {
        return volumes;
    }

    /** Where its masks lie. */
    public MaskStore masks() {
        return masks;
    }

    /** Completes when the worker has stopped; exceptionally when a stream thread died. */
    public CompletableFuture<Void> ended() {
        return ended;
    }

    /** Leaves the group, so that others take over at once, and frees everything. Any thread may call it; a second call waits for the first. */
    @Override
    public synchronized void close() {
        if (streams != null) {
            streams.close(CloseOptions.timeout(CLOSE_PATIENCE)
                    .withGroupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP));
            if (stateIsDamaged) {
                discard(localState);
            }
        }
        for (AutoCloseable resource : resources) {
            try {
                resource.close();
            } catch (Exception e) {
                LOG.warn("{} did not close cleanly", resource.getClass().getSimpleName(), e);
            }
        }
        resources.clear();
        ended.complete(null);
    }
}
