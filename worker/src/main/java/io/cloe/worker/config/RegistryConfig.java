package io.cloe.worker.config;

import static org.apache.kafka.common.config.ConfigDef.Importance.LOW;
import static org.apache.kafka.common.config.ConfigDef.Importance.MEDIUM;

import io.cloe.schemas.registry.ForeignFormat;
import io.cloe.schemas.registry.RegistryFormat;
import io.cloe.schemas.registry.RegistrySettings;
import io.cloe.schemas.registry.SubjectStrategy;
import io.cloe.schemas.serde.RecordFormat;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.types.Password;

/** The settings of a schema registry; part of the worker's, and of every command's that reads or writes its topics. */
public final class RegistryConfig {

    public static final String URL = "registry.url";
    public static final String SUBJECTS = "registry.subjects";
    public static final String AUTO_REGISTER = "registry.auto-register";
    public static final String USER = "registry.user";
    public static final String PASSWORD = "registry.password";
    public static final String TOKEN = "registry.token";
    public static final String TRUSTSTORE = "registry.truststore";
    public static final String TRUSTSTORE_PASSWORD = "registry.truststore.password";
    public static final String KEYSTORE = "registry.keystore";
    public static final String KEYSTORE_PASSWORD = "registry.keystore.password";
    public static final String TIMEOUT = "registry.timeout";
    public static final String PATIENCE = "registry.patience";
    public static final String SERIALIZER = "registry.serializer.class";
    public static final String DESERIALIZER = "registry.deserializer.class";

    /** Prefix of keys that are passed to {@link #SERIALIZER} and {@link #DESERIALIZER} without it. */
    public static final String CLIENT_PREFIX = "registry.client.";

    private static final List<String> STRATEGIES = List.of("topic-name", "record-name", "topic-record-name");

    static final ConfigDef DEFINITION = new ConfigDef()
            .define(
                    URL,
                    Type.LIST,
                    "",
                    ConfigDef.ValidList.anyNonDuplicateValues(true, false),
                    MEDIUM,
                    "Schema registry that speaks Confluent's REST dialect: base addresses, tried in turn. With it records are"
                            + " written in the registry's form (00, schema id, body) and read in either form; empty = Avro's"
                            + " single-object encoding.")
            .define(
                    SUBJECTS,
                    Type.STRING,
                    "topic-name",
                    ConfigDef.ValidString.in(STRATEGIES.toArray(String[]::new)),
                    LOW,
                    "Subject of a topic's schema: TOPIC-value, the record's full name, or TOPIC-FULL.NAME.")
            .define(
                    AUTO_REGISTER,
                    Type.BOOLEAN,
                    true,
                    LOW,
                    "Whether schemas that a subject does not have are added to it; if not, they must be there.")
            .define(USER, Type.STRING, "", LOW, "User for basic authentication at the registry.")
            .define(PASSWORD, Type.PASSWORD, "", LOW, "Password for basic authentication at the registry.")
            .define(TOKEN, Type.PASSWORD, "", LOW, "Bearer token for the registry, instead of user and password.")
            .define(
                    TRUSTSTORE,
                    Type.STRING,
                    "",
                    LOW,
                    "Certificates that an https: registry is trusted by: a PEM, PKCS12 or JKS file. Empty = Java's.")
            .define(TRUSTSTORE_PASSWORD, Type.PASSWORD, "", LOW, "Password of that file; PEM needs none.")
            .define(
                    KEYSTORE,
                    Type.STRING,
                    "",
                    LOW,
                    "Key and certificate by which the registry knows this client: a PKCS12 or JKS file.")
            .define(KEYSTORE_PASSWORD, Type.PASSWORD, "", LOW, "Password of that file and of its key.")
            .define(TIMEOUT, Type.STRING, "5s", duration(), LOW, "Longest wait for one answer of the registry.")
            .define(
                    PATIENCE,
                    Type.STRING,
                    "30s",
                    duration(),
                    LOW,
                    "How long a registry that does not answer is asked again before the worker stops. Only unknown schemas"
                            + " need it.")
            .define(
                    SERIALIZER,
                    Type.STRING,
                    "",
                    LOW,
                    "Another serializer instead of the built-in one, such as"
                            + " io.confluent.kafka.serializers.KafkaAvroSerializer; its jar must be on the class path. Keys under"
                            + " registry.client. are passed to it.")
            .define(DESERIALIZER, Type.STRING, "", LOW, "The deserializer that belongs to it.");

    private RegistryConfig() {}

    static ConfigDef addTo(ConfigDef definition) {
        DEFINITION.configKeys().values().forEach(definition::define);
        return definition;
    }

    private static ConfigDef.Validator duration() {
        return Validators.text("a duration such as 5s", DurationText::parse);
    }

    /**
     * The form in which records travel by these settings.
     *
     * @param settings all settings of a command, of which others are not looked at
     * @throws ConfigurationException naming the key that is wrong
     */
    public static RecordFormat format(Map<String, String> settings) throws ConfigurationException {
        Map<String, String> own = new HashMap<>(settings);
        own.keySet().retainAll(DEFINITION.names());
        try {
            AbstractConfig parsed = new AbstractConfig(DEFINITION, own, false);
            if (parsed.getString(SERIALIZER).isEmpty()
                    != parsed.getString(DESERIALIZER).isEmpty()) {
                throw new ConfigurationException(
                        "settings " + SERIALIZER + " and " + DESERIALIZER + " belong together; allowed: both or none");
            }
            if (!parsed.getString(SERIALIZER).isEmpty()) {
                return foreign(parsed, settings);
            }
            return parsed.getList(URL).isEmpty() ? RecordFormat.singleObject() : new RegistryFormat(registry(parsed));
        } catch (ConfigException e) {
            throw new ConfigurationException(e.getMessage());
        }
    }

    private static RegistrySettings registry(AbstractConfig parsed) throws ConfigurationException {
        String strategy = parsed.getString(SUBJECTS);
        return new RegistrySettings(
                urls(parsed),
                authorization(parsed),
                tls(parsed),
                SubjectStrategy.valueOf(strategy.toUpperCase(Locale.ROOT).replace('-', '_')),
                parsed.getBoolean(AUTO_REGISTER),
                duration(parsed, TIMEOUT),
                duration(parsed, PATIENCE));
    }

    private static List<URI> urls(AbstractConfig parsed) throws ConfigurationException {
        try {
            List<URI> urls = parsed.getList(URL).stream().map(URI::create).toList();
            for (URI url : urls) {
                boolean http = "http".equalsIgnoreCase(url.getScheme()) || "https".equalsIgnoreCase(url.getScheme());
                if (!http || url.getHost() == null || url.getUserInfo() != null || url.getQuery() != null) {
                    throw new IllegalArgumentException();
                }
            }
            return urls;
        } catch (IllegalArgumentException e) {
            // Not quoted: it may hold a password in a place where none belongs.
            throw new ConfigurationException("setting " + URL
                    + "; allowed: addresses such as http://host:8081, without user, password or query");
        }
    }

    private static Optional<String> authorization(AbstractConfig parsed) throws ConfigurationException {
        String user = parsed.getString(USER);
        Password token = parsed.getPassword(TOKEN);
        if (!token.value().isEmpty()) {
            if (!user.isEmpty()) {
                throw new ConfigurationException(
                        "settings " + USER + " and " + TOKEN + " exclude each other; allowed: one of them");
            }
            return Optional.of("Bearer " + token.value());
        }
        if (user.isEmpty()) {
            return Optional.empty();
        }
        String pair = user + ":" + parsed.getPassword(PASSWORD).value();
        return Optional.of("Basic " + Base64.getEncoder().encodeToString(pair.getBytes(StandardCharsets.UTF_8)));
    }

    private static Optional<SSLContext> tls(AbstractConfig parsed) throws ConfigurationException {
        String trust = parsed.getString(TRUSTSTORE);
        String keys = parsed.getString(KEYSTORE);
        if (trust.isEmpty() && keys.isEmpty()) {
            return Optional.empty();
        }
        return Optional.of(TlsFiles.context(
                TRUSTSTORE,
                trust,
                parsed.getPassword(TRUSTSTORE_PASSWORD),
                KEYSTORE,
                keys,
                parsed.getPassword(KEYSTORE_PASSWORD)));
    }

    private static Duration duration(AbstractConfig parsed, String key) {
        return DurationText.parse(parsed.getString(key));
    }

    /** Confluent's names for what is set here; whatever stands under the prefix wins. */
    private static RecordFormat foreign(AbstractConfig parsed, Map<String, String> settings)
            throws ConfigurationException {
        Map<String, Object> client = new HashMap<>();
        client.put("schema.registry.url", String.join(",", parsed.getList(URL)));
        client.put("auto.register.schemas", parsed.getBoolean(AUTO_REGISTER));
        client.put("specific.avro.reader", true);
        client.put(
                "value.subject.name.strategy",
                "io.confluent.kafka.serializers.subject."
                        + switch (parsed.getString(SUBJECTS)) {
                            case "record-name" -> "RecordNameStrategy";
                            case "topic-record-name" -> "TopicRecordNameStrategy";
                            default -> "TopicNameStrategy";
                        });
        if (!parsed.getString(USER).isEmpty()) {
            client.put("basic.auth.credentials.source", "USER_INFO");
            client.put(
                    "basic.auth.user.info",
                    parsed.getString(USER) + ":" + parsed.getPassword(PASSWORD).value());
        }
        if (!parsed.getPassword(TOKEN).value().isEmpty()) {
            client.put("bearer.auth.credentials.source", "STATIC_TOKEN");
            client.put("bearer.auth.token", parsed.getPassword(TOKEN).value());
        }
        if (!parsed.getString(TRUSTSTORE).isEmpty()) {
            client.put("schema.registry.ssl.truststore.location", parsed.getString(TRUSTSTORE));
            client.put(
                    "schema.registry.ssl.truststore.password",
                    parsed.getPassword(TRUSTSTORE_PASSWORD).value());
        }
        if (!parsed.getString(KEYSTORE).isEmpty()) {
            client.put("schema.registry.ssl.keystore.location", parsed.getString(KEYSTORE));
            client.put(
                    "schema.registry.ssl.keystore.password",
                    parsed.getPassword(KEYSTORE_PASSWORD).value());
        }
        settings.forEach((key, value) -> {
            if (key.startsWith(CLIENT_PREFIX)) {
                client.put(key.substring(CLIENT_PREFIX.length()), value);
            }
        });
        try {
            return new ForeignFormat(parsed.getString(SERIALIZER), parsed.getString(DESERIALIZER), client);
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException("setting " + SERIALIZER + " or " + DESERIALIZER + ": " + e.getMessage()
                    + "; allowed: classes that serialize Avro records");
        }
    }
}
