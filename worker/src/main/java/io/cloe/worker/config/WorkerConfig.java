package io.cloe.worker.config;

import static org.apache.kafka.common.config.ConfigDef.Importance.HIGH;
import static org.apache.kafka.common.config.ConfigDef.Importance.LOW;
import static org.apache.kafka.common.config.ConfigDef.Importance.MEDIUM;
import static org.apache.kafka.common.config.ConfigDef.NO_DEFAULT_VALUE;
import static org.apache.kafka.common.config.ConfigDef.Range.between;

import io.cloe.schemas.serde.RecordFormat;
import io.cloe.topology.Topics;
import io.cloe.topology.study.RuleBook;
import io.cloe.worker.stores.MaskPlace;
import io.cloe.worker.stores.ModelPlace;
import io.cloe.worker.stores.StoreSettings;
import io.cloe.worker.stores.VolumeRoots;
import java.net.URI;
import java.nio.file.Path;
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
 * The worker's configuration. Every key is declared once: here, or with its group, as in {@link InferenceConfig}. Keys that start with
 * {@code kafka.} are passed to Kafka without the prefix.
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
    public static final String MODEL_CACHE_DIRECTORY = "model.cache.directory";
    public static final String VOLUME_ROOTS = "volume.roots";
    public static final String MASK_DIRECTORY = "mask.directory";
    public static final String TRACE_ENDPOINT = "trace.endpoint";
    public static final String METRICS_SITES = "metrics.sites";

    private static final ConfigDef DEFINITION = StoreConfig.addTo(InferenceConfig.addTo(
                    RegistryConfig.addTo(AdminSettings.addTo(new ConfigDef(StudySettings.DEFINITION)))))
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
                    Validators.text("nothing, " + ModelPlace.ALLOWED, WorkerConfig::requireModelPlace),
                    MEDIUM,
                    "Folder, or s3://BUCKET/PREFIX, whose subfolders are model bundles that may be promoted, or run by a campaign"
                            + " or a canary. They are loaded when they are asked for; new ones are found while the worker"
                            + " runs. Empty: none.")
            .define(
                    MODEL_CACHE_DIRECTORY,
                    Type.STRING,
                    "",
                    LOW,
                    "Where bundles out of an object store are kept while they are served, or might be again by a rollback."
                            + " Not to be shared by workers. Default: models, below state.directory.")
            .define(TOPICS_PREFIX, Type.STRING, "", topicPrefix(), MEDIUM, "Put before every topic name.")
            .define(
                    TOPICS_PARTITIONS,
                    Type.INT,
                    8,
                    between(1, 10_000),
                    MEDIUM,
                    "Partitions of topics that 'topics create' makes. At least eight per device.")
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
                    "Rebalance protocol: classic, or streams (KIP-1071; brokers 4.2 or newer).");

    private final AbstractConfig parsed;
    private final RecordFormat records;
    private final StoreSettings stores;
    private final AdminSettings admin;
    private final InferenceConfig inference;
    private final Map<String, String> kafka;

    private WorkerConfig(AbstractConfig parsed, Map<String, String> kafka, RecordFormat records, StoreSettings stores) {
        this.parsed = parsed;
        this.stores = stores;
        this.records = records;
        this.admin = AdminSettings.of(parsed);
        this.inference = InferenceConfig.of(parsed, stateDirectory());
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
            requireEach(parsed, MODEL_BUNDLES, Validators.text("a folder", WorkerConfig::requireFolder));
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
        if (key.name.equals(InferenceConfig.INFERENCE_THREADS)) {
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

    /** Where bundles lie that are loaded when they are asked for. */
    public Optional<ModelPlace> modelRepository() {
        return Optional.of(parsed.getString(MODEL_REPOSITORY))
                .filter(place -> !place.isBlank())
                .map(ModelPlace::parse);
    }

    /** Where bundles out of an object store are kept. */
    public Path modelCacheDirectory() {
        String directory = parsed.getString(MODEL_CACHE_DIRECTORY);
        return directory.isBlank() ? stateDirectory().resolve("models") : Path.of(directory);
    }

    public VolumeRoots volumeRoots() {
        return VolumeRoots.parse(parsed.getList(VOLUME_ROOTS));
    }

    public MaskPlace maskPlace() {
        return MaskPlace.parse(parsed.getString(MASK_DIRECTORY));
    }

    /** How object stores and web servers are spoken to. */
    public StoreSettings stores() {
        return stores;
    }

    /** Sites that metrics tell apart. */
    public List<String> metricsSites() {
        return parsed.getList(METRICS_SITES);
    }

    /** Where spans go. */
    public Optional<String> traceEndpoint() {
        return Optional.of(parsed.getString(TRACE_ENDPOINT)).filter(endpoint -> !endpoint.isEmpty());
    }

    /** How studies are read and run. */
    public InferenceConfig inference() {
        return inference;
    }

    /** How the admin HTTP server is reached. */
    public AdminSettings admin() {
        return admin;
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

    /** Bundles that serve from the start are there before any store is spoken to. */
    private static void requireFolder(String text) {
        if (ModelPlace.parse(text).folder().isEmpty()) {
            throw new IllegalArgumentException("not a folder");
        }
    }

    private static void requireModelPlace(String text) {
        if (!text.isBlank()) {
            ModelPlace.parse(text);
        }
    }

    private static ConfigDef.Validator topicPrefix() {
        return Validators.text("letters, digits, '.', '_' and '-'", prefix -> {
            if (!prefix.matches("[A-Za-z0-9._-]*")) {
                throw new IllegalArgumentException("not a topic name");
            }
        });
    }
}
