package io.cloe.worker.config;

import static org.apache.kafka.common.config.ConfigDef.Importance.HIGH;
import static org.apache.kafka.common.config.ConfigDef.Importance.LOW;
import static org.apache.kafka.common.config.ConfigDef.Importance.MEDIUM;
import static org.apache.kafka.common.config.ConfigDef.NO_DEFAULT_VALUE;
import static org.apache.kafka.common.config.ConfigDef.Range.between;

import io.cloe.schemas.serde.RecordFormat;
import io.cloe.topology.Topics;
import io.cloe.topology.study.RuleBook;
import io.cloe.worker.execution.ResultCacheSettings;
import io.cloe.worker.inference.DeviceChoice;
import io.cloe.worker.inference.EngineException;
import io.cloe.worker.stores.MaskPlace;
import io.cloe.worker.stores.StoreSettings;
import io.cloe.worker.stores.VolumeRoots;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.types.Password;

/**
 * The worker's configuration. Every key is declared here, once. Keys that start with {@code kafka.} are passed to Kafka without
 * the prefix.
 */
public final class WorkerConfig {

    /** Prefix of keys that are passed on to every Kafka client. */
    public static final String KAFKA_PREFIX = "kafka.";

    public static final String BOOTSTRAP_SERVERS = "bootstrap.servers";
    public static final String APPLICATION_ID = "application.id";
    /** What {@link #APPLICATION_ID} is unless set. */
    public static final String DEFAULT_APPLICATION_ID = "cloe-worker";

    public static final String STATE_DIRECTORY = "state.directory";
    public static final String STREAM_THREADS = "stream.threads";
    public static final String GROUP_PROTOCOL = "group.protocol";
    public static final String REPLICATION_FACTOR = "replication.factor";
    public static final String TOPICS_PREFIX = "topics.prefix";
    public static final String TOPICS_PARTITIONS = "topics.partitions";
    public static final String MODEL_BUNDLES = "model.bundles";
    public static final String MODEL_REPOSITORY = "model.repository";
    public static final String DEVICE = "device";
    public static final String INFERENCE_THREADS = "inference.threads";
    public static final String INFERENCE_MEMORY_MIB = "inference.memory.mib";
    public static final String INFERENCE_TIMEOUT = "inference.timeout";
    public static final String INFERENCE_TIMEOUT_GRACE = "inference.timeout.grace";
    public static final String INFERENCE_WHOLE_CROP = "inference.whole.crop";
    public static final String INFERENCE_PAIR_CONSISTENCY = "inference.pair.consistency";
    public static final String INFERENCE_WARM_UP = "inference.warm.up";
    public static final String INFERENCE_SESSION_IDLE = "inference.session.idle";
    public static final String REPROCESS_SHARE = "reprocess.share";
    public static final String MEMORY_MIB = "memory.mib";
    public static final String DECODE_THREADS = "decode.threads";
    public static final String VOLUME_ROOTS = "volume.roots";
    public static final String VOLUME_MAX_VOXELS = "volume.max.voxels";
    public static final String MASK_DIRECTORY = "mask.directory";
    public static final String MASK_INLINE_MAX_BYTES = "mask.inline.max.bytes";
    public static final String RESULT_CACHE_ENTRIES = "result.cache.entries";
    public static final String RESULT_CACHE_DIRECTORY = "result.cache.directory";
    public static final String RESULT_CACHE_MIB = "result.cache.mib";

    public static final String TRACE_ENDPOINT = "trace.endpoint";
    public static final String METRICS_SITES = "metrics.sites";

    private static final ConfigDef DEFINITION = StoreConfig.addTo(
                    RegistryConfig.addTo(AdminSettings.addTo(new ConfigDef(StudySettings.DEFINITION))))
            .define(
                    BOOTSTRAP_SERVERS,
                    Type.LIST,
                    NO_DEFAULT_VALUE,
                    ConfigDef.ValidList.anyNonDuplicateValues(false, false),
                    HIGH,
                    "Kafka brokers, host:port, comma-separated.")
            .define(
                    MODEL_BUNDLES,
                    Type.LIST,
                    NO_DEFAULT_VALUE,
                    ConfigDef.ValidList.anyNonDuplicateValues(false, false),
                    HIGH,
                    "Folders of model bundles, one per model family, comma-separated. The first family serves events that"
                            + " name none.")
            .define(
                    VOLUME_ROOTS,
                    Type.LIST,
                    NO_DEFAULT_VALUE,
                    ConfigDef.ValidList.anyNonDuplicateValues(false, false),
                    HIGH,
                    "Places below which volumes may be read, comma-separated: absolute folders, s3://BUCKET/PREFIX,"
                            + " https://HOST/PATH. Nothing else is ever opened.")
            .define(
                    MASK_DIRECTORY,
                    Type.STRING,
                    NO_DEFAULT_VALUE,
                    Validators.text(MaskPlace.ALLOWED, MaskPlace::parse),
                    HIGH,
                    "Where masks are written to: an absolute folder, or s3://BUCKET/PREFIX.")
            .define(
                    APPLICATION_ID,
                    Type.STRING,
                    DEFAULT_APPLICATION_ID,
                    new ConfigDef.NonEmptyString(),
                    HIGH,
                    "Name of the group of workers that share the work. State and offsets belong to it.")
            .define(
                    STATE_DIRECTORY,
                    Type.STRING,
                    "/var/lib/cloe/state",
                    absolutePath(),
                    HIGH,
                    "Absolute folder for local state. On a volume that survives restarts: it holds the identity by which a"
                            + " restarted worker fences its former self.")
            .define(
                    DEVICE,
                    Type.STRING,
                    "auto",
                    knownDevice(),
                    HIGH,
                    "auto, cpu, or cuda:N, or several such as cuda:0,cuda:1. cuda:N never falls back to the CPU; auto says what"
                            + " it chose and why.")
            .define(
                    METRICS_SITES,
                    Type.LIST,
                    List.of(),
                    LOW,
                    "Sites, as the events' attribute site names them, for which metrics tell the model's weights and consistencies"
                            + " apart. Others are measured together, as other.")
            .define(
                    TRACE_ENDPOINT,
                    Type.STRING,
                    "",
                    Validators.text("nothing, or an http or https URL", WorkerConfig::requireHttp),
                    LOW,
                    "Where spans of jobs go: OTLP over HTTP, such as http://collector:4318/v1/traces. Nothing = no traces.")
            .define(
                    MODEL_REPOSITORY,
                    Type.STRING,
                    "",
                    null,
                    MEDIUM,
                    "Folder whose subfolders are model bundles that may be promoted, or run by a campaign or a canary. They are"
                            + " loaded when they are asked for; new ones are found while the worker runs. Empty: none.")
            .define(TOPICS_PREFIX, Type.STRING, "", topicPrefix(), MEDIUM, "Put before every topic name.")
            .define(
                    TOPICS_PARTITIONS,
                    Type.INT,
                    8,
                    between(1, 10_000),
                    MEDIUM,
                    "Partitions of topics that 'topics create' makes. At least four per GPU.")
            .define(
                    REPLICATION_FACTOR,
                    Type.INT,
                    -1,
                    between(-1, 32_767),
                    MEDIUM,
                    "Copies of each topic that the worker or 'topics create' makes; -1 = the broker's default.")
            .define(STREAM_THREADS, Type.INT, 1, between(1, 256), MEDIUM, "Threads that assemble studies.")
            .define(
                    GROUP_PROTOCOL,
                    Type.STRING,
                    "classic",
                    ConfigDef.ValidString.in("classic", "streams"),
                    LOW,
                    "Rebalance protocol: classic, or streams (KIP-1071; brokers 4.2 or newer).")
            .define(
                    INFERENCE_THREADS,
                    Type.INT,
                    Runtime.getRuntime().availableProcessors(),
                    between(1, 1_024),
                    MEDIUM,
                    "Threads that compute one window on the CPU. Default: all processors.")
            .define(
                    INFERENCE_MEMORY_MIB,
                    Type.INT,
                    2_048,
                    between(64, 1 << 20),
                    MEDIUM,
                    "Heap that one study's inference may take, in MiB; a larger study is refused.")
            .define(
                    INFERENCE_TIMEOUT,
                    Type.STRING,
                    "10m",
                    duration(),
                    MEDIUM,
                    "Longest time that a device may work on one study. Then it is stopped, and the study is tried again as"
                            + " retry.* says.")
            .define(
                    INFERENCE_TIMEOUT_GRACE,
                    Type.STRING,
                    "1m",
                    duration(),
                    LOW,
                    "Time that a device has to end a run that was stopped. After that it is stuck and gets no more work; the"
                            + " worker ends when it was the last one.")
            .define(
                    INFERENCE_WHOLE_CROP,
                    Type.BOOLEAN,
                    false,
                    null,
                    LOW,
                    "Whether a brain is segmented at once, without windows, where the model has a graph that is large enough. Faster,"
                            + " but not what the model was trained on: look at worker/docs/speed.md before use.")
            .define(
                    INFERENCE_PAIR_CONSISTENCY,
                    Type.BOOLEAN,
                    false,
                    null,
                    LOW,
                    "Whether the consistency of two modalities is computed, where the model has graphs for that. The weights"
                            + " stay 1/2; takes about as long as three modalities.")
            .define(
                    INFERENCE_WARM_UP,
                    Type.BOOLEAN,
                    false,
                    null,
                    LOW,
                    "Whether every subset's graph is opened and run once at the start, so that no study waits for that.")
            .define(
                    INFERENCE_SESSION_IDLE,
                    Type.STRING,
                    "10m",
                    duration(),
                    LOW,
                    "Graphs of subsets that were not used for this long are closed, which frees their weights. Models that are not live and that nobody asked for in this time are unloaded.")
            .define(
                    REPROCESS_SHARE,
                    Type.DOUBLE,
                    0.05,
                    between(0.0, 0.9),
                    LOW,
                    "Part of a device's time that reprocessing gets at least while live studies leave no gap.")
            .define(
                    MEMORY_MIB,
                    Type.INT,
                    0,
                    between(0, 1 << 20),
                    MEDIUM,
                    "Heap that all studies in memory may take together, in MiB; 0 = half of the heap. A study that does not fit"
                            + " is read one volume at a time, and refused if that is not enough.")
            .define(
                    DECODE_THREADS,
                    Type.INT,
                    2,
                    between(1, 64),
                    MEDIUM,
                    "Threads that read and normalise ahead of the device, one volume each; as many studies are read at a"
                            + " time.")
            .define(
                    VOLUME_MAX_VOXELS,
                    Type.INT,
                    64 << 20,
                    between(1_000, 1 << 30),
                    MEDIUM,
                    "Voxels of the largest volume that is read; checked before any memory is taken.")
            .define(
                    MASK_INLINE_MAX_BYTES,
                    Type.INT,
                    0,
                    between(0, 900_000),
                    LOW,
                    "Masks up to this size also travel in the result; 0 = never.")
            .define(
                    RESULT_CACHE_ENTRIES,
                    Type.INT,
                    128,
                    between(0, 1 << 20),
                    LOW,
                    "Results kept in memory by input and model digest, so that a replay does not pay for the device"
                            + " twice. 0: none, and jobs with the same input at the same moment are computed each.")
            .define(
                    RESULT_CACHE_DIRECTORY,
                    Type.STRING,
                    "",
                    LOW,
                    "Where results are kept over restarts, for the same reason. Workers may share one. Holds masks, named by"
                            + " digests. Default: results, below state.directory.")
            .define(
                    RESULT_CACHE_MIB,
                    Type.INT,
                    512,
                    between(0, 1 << 24),
                    LOW,
                    "What result.cache.directory may take, in MiB; what was not used for longest goes first. 0 keeps"
                            + " nothing over restarts.");

    private final AbstractConfig parsed;
    private final RecordFormat records;
    private final StoreSettings stores;
    private final AdminSettings admin;
    private final Map<String, String> kafka;

    private WorkerConfig(AbstractConfig parsed, Map<String, String> kafka, RecordFormat records, StoreSettings stores) {
        this.parsed = parsed;
        this.stores = stores;
        this.records = records;
        this.admin = AdminSettings.of(parsed);
        this.kafka = Map.copyOf(kafka);
    }

    /**
     * Checks and types the settings.
     *
     * @throws ConfigurationException naming the first key that is unknown, missing or out of range
     */
    public static WorkerConfig of(Map<String, String> settings) throws ConfigurationException {
        Map<String, String> own = new HashMap<>();
        Map<String, String> kafka = new TreeMap<>();
        for (Map.Entry<String, String> setting : settings.entrySet()) {
            if (setting.getKey().startsWith(KAFKA_PREFIX)) {
                kafka.put(setting.getKey().substring(KAFKA_PREFIX.length()), setting.getValue());
            } else if (DEFINITION.names().contains(setting.getKey())) {
                own.put(setting.getKey(), setting.getValue());
            } else if (!setting.getKey().startsWith(RegistryConfig.CLIENT_PREFIX)) {
                throw new ConfigurationException("unknown setting " + setting.getKey()
                        + "; allowed: the keys of 'config docs', and kafka.* for Kafka's own");
            }
        }
        for (ConfigDef.ConfigKey key : DEFINITION.configKeys().values()) {
            boolean required = !key.hasDefault();
            if (required && !own.containsKey(key.name)) {
                throw new ConfigurationException("missing setting " + key.name + ": " + key.documentation);
            }
        }
        try {
            AbstractConfig parsed = new AbstractConfig(DEFINITION, own, false);
            requireEach(
                    parsed,
                    VOLUME_ROOTS,
                    Validators.text(VolumeRoots.ALLOWED, root -> VolumeRoots.parse(List.of(root))));
            requireEach(parsed, MODEL_BUNDLES, Validators.text("a path", Path::of));
            return new WorkerConfig(parsed, kafka, RegistryConfig.format(settings), StoreConfig.settings(settings));
        } catch (ConfigException e) {
            throw new ConfigurationException(withAllowed(e.getMessage()));
        }
    }

    /** Kafka's own refusals name key and value, but not always what is allowed. */
    private static String withAllowed(String refusal) {
        if (refusal.contains("allowed: ")) {
            return refusal;
        }
        return DEFINITION.configKeys().values().stream()
                .filter(key -> refusal.contains(" for configuration " + key.name + ":"))
                .findFirst()
                .map(key -> refusal + "; allowed: " + key.type.toString().toLowerCase(Locale.ROOT)
                        + (key.validator == null ? "" : " " + key.validator))
                .orElse(refusal + "; allowed: what 'config docs' says");
    }

    /** The reference of all keys, as a Markdown table. */
    public static String reference() {
        StringBuilder table = new StringBuilder("| key | type | default | allowed | what |\n|---|---|---|---|---|\n");
        DEFINITION.configKeys().values().stream()
                .sorted((a, b) ->
                        a.importance == b.importance ? a.name.compareTo(b.name) : a.importance.compareTo(b.importance))
                .forEach(key -> table.append("| `")
                        .append(key.name)
                        .append("` | ")
                        .append(key.type.toString().toLowerCase(Locale.ROOT))
                        .append(" | ")
                        .append(defaultOf(key))
                        .append(" | ")
                        .append(allowedOf(key))
                        .append(" | ")
                        .append(key.documentation)
                        .append(" |\n"));
        return table.toString();
    }

    private static String defaultOf(ConfigDef.ConfigKey key) {
        if (!key.hasDefault()) {
            return "*required*";
        }
        if (key.name.equals(INFERENCE_THREADS)) {
            return "all processors";
        }
        if (key.defaultValue instanceof Password secret) {
            return secret.value().isEmpty() ? "(empty)" : Password.HIDDEN;
        }
        return String.valueOf(key.defaultValue).isEmpty() ? "(empty)" : "`" + key.defaultValue + "`";
    }

    private static String allowedOf(ConfigDef.ConfigKey key) {
        boolean list = key.type == Type.LIST;
        return list || key.validator == null ? "" : key.validator.toString();
    }

    /** Names of all keys but Kafka's. */
    public static Set<String> keys() {
        return DEFINITION.names();
    }

    public List<String> bootstrapServers() {
        return parsed.getList(BOOTSTRAP_SERVERS);
    }

    public String applicationId() {
        return parsed.getString(APPLICATION_ID);
    }

    public Path stateDirectory() {
        return Path.of(parsed.getString(STATE_DIRECTORY));
    }

    public int streamThreads() {
        return parsed.getInt(STREAM_THREADS);
    }

    public String groupProtocol() {
        return parsed.getString(GROUP_PROTOCOL);
    }

    public int replicationFactor() {
        return parsed.getInt(REPLICATION_FACTOR);
    }

    public Topics topics() {
        return Topics.withPrefix(parsed.getString(TOPICS_PREFIX));
    }

    public int partitions() {
        return parsed.getInt(TOPICS_PARTITIONS);
    }

    public List<Path> modelBundles() {
        return parsed.getList(MODEL_BUNDLES).stream().map(Path::of).toList();
    }

    /** Folder of bundles that are loaded when they are asked for. */
    public Optional<Path> modelRepository() {
        return Optional.of(parsed.getString(MODEL_REPOSITORY))
                .filter(folder -> !folder.isBlank())
                .map(Path::of);
    }

    /** The devices to use, at least one. */
    public List<DeviceChoice> devices() {
        return parseDevices(parsed.getString(DEVICE));
    }

    public Duration inferenceTimeout() {
        return DurationText.parse(parsed.getString(INFERENCE_TIMEOUT));
    }

    public Duration inferenceTimeoutGrace() {
        return DurationText.parse(parsed.getString(INFERENCE_TIMEOUT_GRACE));
    }

    public boolean segmentsWholeCrops() {
        return parsed.getBoolean(INFERENCE_WHOLE_CROP);
    }

    public boolean computesPairConsistency() {
        return parsed.getBoolean(INFERENCE_PAIR_CONSISTENCY);
    }

    public boolean warmsUp() {
        return parsed.getBoolean(INFERENCE_WARM_UP);
    }

    public Duration sessionIdle() {
        return DurationText.parse(parsed.getString(INFERENCE_SESSION_IDLE));
    }

    public double reprocessShare() {
        return parsed.getDouble(REPROCESS_SHARE);
    }

    /** Bytes of heap for all studies in memory. */
    public long memoryBytes() {
        int mib = parsed.getInt(MEMORY_MIB);
        return mib == 0 ? Runtime.getRuntime().maxMemory() / 2 : mib * (1L << 20);
    }

    public int inferenceThreads() {
        return parsed.getInt(INFERENCE_THREADS);
    }

    public long inferenceMemoryBytes() {
        return parsed.getInt(INFERENCE_MEMORY_MIB) * (1L << 20);
    }

    public int decodeThreads() {
        return parsed.getInt(DECODE_THREADS);
    }

    public VolumeRoots volumeRoots() {
        return VolumeRoots.parse(parsed.getList(VOLUME_ROOTS));
    }

    public int maxVoxels() {
        return parsed.getInt(VOLUME_MAX_VOXELS);
    }

    public MaskPlace maskPlace() {
        return MaskPlace.parse(parsed.getString(MASK_DIRECTORY));
    }

    /** How object stores and web servers are spoken to. */
    public StoreSettings stores() {
        return stores;
    }

    public int maskInlineMaxBytes() {
        return parsed.getInt(MASK_INLINE_MAX_BYTES);
    }

    /** Sites that metrics tell apart. */
    public List<String> metricsSites() {
        return parsed.getList(METRICS_SITES);
    }

    /** Where spans go. */
    public Optional<String> traceEndpoint() {
        return Optional.of(parsed.getString(TRACE_ENDPOINT)).filter(endpoint -> !endpoint.isEmpty());
    }

    /** How the admin HTTP server is reached. */
    public AdminSettings admin() {
        return admin;
    }

    /** What is remembered of former results. */
    public ResultCacheSettings resultCache() {
        String directory = parsed.getString(RESULT_CACHE_DIRECTORY);
        long mostBytes = parsed.getInt(RESULT_CACHE_MIB) * (1L << 20);
        Path place = directory.isBlank() ? stateDirectory().resolve("results") : Path.of(directory);
        return new ResultCacheSettings(
                parsed.getInt(RESULT_CACHE_ENTRIES), mostBytes == 0 ? Optional.empty() : Optional.of(place), mostBytes);
    }

    /**
     * The study rules, general and special.
     *
     * @throws ConfigurationException if the rule file cannot be read or a rule in it is wrong
     */
    public RuleBook rules() throws ConfigurationException {
        return StudySettings.rules(parsed);
    }

    /** How records travel. */
    public RecordFormat records() {
        return records;
    }

    /** Settings for every Kafka client: the brokers, and what was given under {@code kafka.}. */
    public Map<String, Object> kafkaSettings() {
        Map<String, Object> settings = new HashMap<>(kafka);
        settings.put("bootstrap.servers", String.join(",", bootstrapServers()));
        return settings;
    }

    private static void requireEach(AbstractConfig parsed, String key, ConfigDef.Validator validator) {
        parsed.getList(key).forEach(item -> validator.ensureValid(key, item));
    }

    private static ConfigDef.Validator absolutePath() {
        return Validators.text("an absolute path", path -> {
            if (!Path.of(path).isAbsolute()) {
                throw new IllegalArgumentException("not absolute");
            }
        });
    }

    private static void requireHttp(String endpoint) {
        URI address = URI.create(endpoint);
        boolean http = "http".equals(address.getScheme()) || "https".equals(address.getScheme());
        if (!endpoint.isEmpty() && (!http || address.getHost() == null)) {
            throw new IllegalArgumentException("not an http URL");
        }
    }

    private static ConfigDef.Validator topicPrefix() {
        return Validators.text("letters, digits, '.', '_' and '-'", prefix -> {
            if (!prefix.matches("[A-Za-z0-9._-]*")) {
                throw new IllegalArgumentException("not a topic name");
            }
        });
    }

    private static ConfigDef.Validator duration() {
        return Validators.text(DurationText.ALLOWED, DurationText::parse);
    }

    private static ConfigDef.Validator knownDevice() {
        return Validators.text("auto, cpu or cuda:N", WorkerConfig::parseDevices);
    }

    private static List<DeviceChoice> parseDevices(String devices) {
        try {
            return DeviceChoice.parseList(devices);
        } catch (EngineException e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
    }
}
