package io.cloe.worker.config;

import static org.apache.kafka.common.config.ConfigDef.Importance.LOW;
import static org.apache.kafka.common.config.ConfigDef.Importance.MEDIUM;

import io.cloe.worker.stores.MaskPlace;
import io.cloe.worker.stores.StoreSettings;
import io.cloe.worker.stores.StoreSettings.Encryption;
import java.net.URI;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.config.ConfigException;

/** The settings of object stores and web servers; part of the worker's, and of commands that look into its mask store. */
public final class StoreConfig {

    public static final String S3_ENDPOINT = "s3.endpoint";
    public static final String S3_REGION = "s3.region";
    public static final String S3_PATH_STYLE = "s3.path-style";
    public static final String S3_ENCRYPTION = "s3.encryption";
    public static final String S3_KMS_KEY = "s3.kms-key";
    public static final String TIMEOUT = "store.timeout";
    public static final String ATTEMPTS = "store.attempts";

    private static final String BUCKETS_OWN = "bucket";
    private static final String KMS = "aws:kms";

    static final ConfigDef DEFINITION = new ConfigDef()
            .define(
                    S3_ENDPOINT,
                    Type.STRING,
                    "",
                    Validators.text("nothing, or an http or https URL without a query", StoreConfig::requireEndpoint),
                    MEDIUM,
                    "Address of an S3-compatible service, such as https://minio:9000. Empty = AWS. Credentials are found by the"
                            + " AWS SDK's standard chain: environment (AWS_ACCESS_KEY_ID, ...), profile, web identity, container,"
                            + " instance.")
            .define(
                    S3_REGION,
                    Type.STRING,
                    "",
                    Validators.text("nothing, or lower-case letters, digits and dashes", StoreConfig::requireRegion),
                    MEDIUM,
                    "Region of the buckets. Empty = as the AWS SDK finds it (AWS_REGION, profile, instance), or else"
                            + " us-east-1.")
            .define(
                    S3_PATH_STYLE,
                    Type.BOOLEAN,
                    false,
                    MEDIUM,
                    "Whether the bucket is named in the path rather than in the host's name. Most services other than AWS"
                            + " need it.")
            .define(
                    S3_ENCRYPTION,
                    Type.STRING,
                    BUCKETS_OWN,
                    ConfigDef.ValidString.in(BUCKETS_OWN, Encryption.AES256.name(), KMS),
                    LOW,
                    "Server-side encryption of masks: as the bucket is set up, AES256 or aws:kms.")
            .define(S3_KMS_KEY, Type.STRING, "", LOW, "Key for aws:kms. Empty = the account's own for S3.")
            .define(
                    TIMEOUT,
                    Type.STRING,
                    "2m",
                    Validators.text(DurationText.ALLOWED, DurationText::parse),
                    LOW,
                    "Longest time for reading one volume from an object store or web server, one file of a bundle, or for one"
                            + " request that writes a mask. Then a job is tried again as retry.* says.")
            .define(
                    ATTEMPTS,
                    Type.INT,
                    // The client keeps up to five connections, all of which a store that was restarted has closed.
                    6,
                    ConfigDef.Range.between(1, 20),
                    LOW,
                    "Attempts at one request to an object store within that time, the first included.");

    private StoreConfig() {}

    static ConfigDef addTo(ConfigDef definition) {
        DEFINITION.configKeys().values().forEach(definition::define);
        return definition;
    }

    /**
     * The settings of stores.
     *
     * @param settings all settings of a command, of which others are not looked at
     * @throws ConfigurationException naming the key that is wrong
     */
    public static StoreSettings settings(Map<String, String> settings) throws ConfigurationException {
        Map<String, String> own = new HashMap<>(settings);
        own.keySet().retainAll(DEFINITION.names());
        try {
            AbstractConfig parsed = new AbstractConfig(DEFINITION, own, false);
            Encryption encryption = encryption(parsed.getString(S3_ENCRYPTION));
            Optional<String> key = text(parsed, S3_KMS_KEY);
            if (key.isPresent() && encryption != Encryption.KMS) {
                throw new ConfigurationException(
                        "setting " + S3_KMS_KEY + " is for " + S3_ENCRYPTION + " = " + KMS + "; allowed: both or none");
            }
            return new StoreSettings(
                    text(parsed, S3_ENDPOINT).map(URI::create),
                    text(parsed, S3_REGION),
                    parsed.getBoolean(S3_PATH_STYLE),
                    encryption,
                    key,
                    DurationText.parse(parsed.getString(TIMEOUT)),
                    parsed.getInt(ATTEMPTS));
        } catch (ConfigException e) {
            throw new ConfigurationException(e.getMessage());
        }
    }

    /**
     * Where masks lie, for a command that needs nothing else of the worker's settings.
     *
     * @throws ConfigurationException if it is not set, or not as it should be
     */
    public static MaskPlace masks(Map<String, String> settings) throws ConfigurationException {
        String place = settings.get(WorkerConfig.MASK_DIRECTORY);
        if (place == null || place.isBlank()) {
            throw new ConfigurationException("missing setting " + WorkerConfig.MASK_DIRECTORY);
        }
        try {
            return MaskPlace.parse(place);
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(
                    "setting " + WorkerConfig.MASK_DIRECTORY + " " + place + "; allowed: " + MaskPlace.ALLOWED);
        }
    }

    private static Optional<String> text(AbstractConfig parsed, String key) {
        return Optional.of(parsed.getString(key).strip()).filter(text -> !text.isEmpty());
    }

    private static Encryption encryption(String name) {
        return switch (name) {
            case BUCKETS_OWN -> Encryption.BUCKET;
            case KMS -> Encryption.KMS;
            default -> Encryption.valueOf(name);
        };
    }

    private static void requireEndpoint(String text) {
        if (text.isBlank()) {
            return;
        }
        URI address = URI.create(text.strip());
        boolean http = "http".equals(address.getScheme()) || "https".equals(address.getScheme());
        if (!http || address.getHost() == null || address.getUserInfo() != null || address.getQuery() != null) {
            throw new IllegalArgumentException("not an endpoint");
        }
    }

    private static void requireRegion(String text) {
        if (!text.matches("[a-z0-9-]*")) {
            throw new IllegalArgumentException("not a region");
        }
    }
}
