package io.cloe.worker.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.cloe.topology.Topics;
import io.cloe.topology.study.RuleBook;
import io.cloe.topology.study.StudyRules;
import io.cloe.worker.execution.ExecutorSettings;
import io.cloe.worker.execution.ResultCacheSettings;
import io.cloe.worker.inference.DeviceChoice;
import io.cloe.worker.inference.EngineSettings;
import io.cloe.worker.stores.ModelPlace;
import io.cloe.worker.stores.S3Prefix;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class WorkerConfigTest {

    static Map<String, String> required() {
        Map<String, String> settings = new HashMap<>();
        settings.put("bootstrap.servers", "broker-1:9092, broker-2:9092");
        settings.put("model.bundles", "bundles/glioma,/bundles/prostate");
        settings.put("volume.roots", "/data/in, /mnt/in");
        settings.put("mask.directory", "/data/masks");
        return settings;
    }

    private static WorkerConfig with(String key, String value) throws ConfigurationException {
        Map<String, String> settings = required();
        settings.put(key, value);
        return WorkerConfig.of(settings);
    }

    private static String refusalOf(Map<String, String> settings) {
        ConfigurationException refused =
                catchThrowableOfType(ConfigurationException.class, () -> WorkerConfig.of(settings));
        assertThat(refused).isNotNull();
        assertThat(refused.getMessage().lines()).as("one line").hasSize(1);
        return refused.getMessage();
    }

    private static String refusalOf(String key, String value) {
        Map<String, String> settings = required();
        settings.put(key, value);
        return refusalOf(settings);
    }

    @Test
    void shouldHaveTheDocumentedDefaultsWhenOnlyTheRequiredKeysAreGiven() throws Exception {
        WorkerConfig config = WorkerConfig.of(required());

        assertThat(config.applicationId()).isEqualTo("cloe-worker");
        assertThat(config.stateDirectory()).isEqualTo(Path.of("/var/lib/cloe/state"));
        assertThat(config.streamThreads()).isEqualTo(1);
        assertThat(config.groupProtocol()).isEqualTo("classic");
        assertThat(config.replicationFactor()).isEqualTo(-1);
        assertThat(config.topics()).isEqualTo(Topics.withPrefix(""));
        assertThat(config.partitions()).isEqualTo(8);
        EngineSettings engine = config.inference().engine(new DeviceChoice.Cpu());
        ExecutorSettings executor = config.inference().executor();
        assertThat(config.inference().devices()).containsExactly(new DeviceChoice.Auto());
        assertThat(engine.threads()).isEqualTo(Runtime.getRuntime().availableProcessors());
        assertThat(engine.tensorRtCache()).contains(Path.of("/var/lib/cloe/state/tensorrt"));
        assertThat(engine.studyMemoryBytes()).isEqualTo(2L << 30);
        assertThat(executor.decodeThreads()).isEqualTo(2);
        assertThat(config.inference().maxVoxels()).isEqualTo(64 << 20);
        assertThat(executor.maskInlineMaxBytes()).isZero();
        assertThat(executor.resultCache())
                .isEqualTo(new ResultCacheSettings(
                        128, Optional.of(config.stateDirectory().resolve("results")), 512L << 20));
        StudyRules rules = config.rules().general();
        StudyRules defaults = StudyRules.defaults();
        assertThat(rules).usingRecursiveComparison().ignoringFields("required").isEqualTo(defaults);
        assertThat(rules.required()).hasToString("any");
    }

    @Test
    void shouldHoldWhatWasGivenWhenEveryKeyIsSet(@TempDir Path folder) throws Exception {
        Path ruleFile = Files.writeString(folder.resolve("rules.yaml"), "rules: [{name: a, when: {model-family: x}}]");
        Map<String, String> settings = required();
        settings.putAll(Map.of(
                "application.id", "site-a",
                "state.directory", "/state",
                "stream.threads", "4",
                "group.protocol", "streams",
                "replication.factor", "3",
                "topics.prefix", "cloe.",
                "topics.partitions", "32",
                "device", "cuda:1"));
        settings.putAll(Map.of(
                "inference.threads", "7",
                "inference.memory.mib", "64",
                "decode.threads", "3",
                "volume.max.voxels", "1000",
                "mask.inline.max.bytes", "900000",
                "result.cache.entries", "0",
                "result.cache.directory", "/shared/results",
                "result.cache.mib", "3"));
        settings.putAll(Map.of(
                "inference.timeout", "3m",
                "inference.timeout.grace", "9s",
                "inference.tensorrt.cache", "/engines",
                "inference.whole.crop", "true",
                "inference.whole.crop.mib", "5",
                "inference.pair.consistency", "true",
                "inference.warm.up", "true",
                "inference.session.idle", "1h",
                "reprocess.share", "0.2",
                "memory.mib", "300"));
        settings.putAll(Map.of(
                "study.timeout", "90s",
                "study.longest-wait", "2d",
                "study.settle", "1s",
                "study.retention", "10d",
                "study.required", "T1CE and (T2 or FLAIR)",
                "study.on-incomplete", "wait",
                "study.history", "8"));
        settings.put("study.rules", ruleFile.toString());
        settings.put("model.repository", "/models");
        settings.put("model.cache.directory", "/cache");
        settings.putAll(Map.of(
                "admin.host", "0.0.0.0",
                "admin.port", "8080",
                "admin.token", "sixteen-characters-at-least",
                "admin.studies", "7",
                "trace.endpoint", "http://collector:4318/v1/traces",
                "metrics.sites", "north,south"));
        settings.putAll(Map.of("retry.attempts", "1", "retry.first-delay", "1ms", "retry.longest-delay", "1h"));
        Set<String> keys = new TreeSet<>(WorkerConfig.keys());
        keys.removeIf(key -> key.startsWith("registry.")); // RegistryConfigTest's
        keys.removeIf(key -> key.startsWith("s3.") || key.startsWith("store.")); // StoreConfigTest's
        assertThat(settings.keySet()).as("no key is forgotten here").isEqualTo(keys);

        WorkerConfig config = WorkerConfig.of(settings);
        assertThat(config.modelRepository()).contains(ModelPlace.parse("/models"));
        assertThat(config.modelCacheDirectory()).isEqualTo(Path.of("/cache"));

        assertThat(config.bootstrapServers()).containsExactly("broker-1:9092", "broker-2:9092");
        assertThat(config.modelBundles()).containsExactly(Path.of("bundles/glioma"), Path.of("/bundles/prostate"));
        assertThat(config.volumeRoots().folders()).containsExactly(Path.of("/data/in"), Path.of("/mnt/in"));
        assertThat(config.maskPlace().folder()).contains(Path.of("/data/masks"));
        assertThat(config.metricsSites()).containsExactly("north", "south");
        assertThat(config.traceEndpoint()).contains("http://collector:4318/v1/traces");
        assertThat(config.admin().port()).isEqualTo(8080);
        assertThat(config.admin().token()).contains("sixteen-characters-at-least");
        assertThat(config.admin().studies()).isEqualTo(7);
        assertThat(config.admin()).asString().doesNotContain("sixteen");
        assertThat(config.applicationId()).isEqualTo("site-a");
        assertThat(config.stateDirectory()).isEqualTo(Path.of("/state"));
        assertThat(config.streamThreads()).isEqualTo(4);
        assertThat(config.groupProtocol()).isEqualTo("streams");
        assertThat(config.replicationFactor()).isEqualTo(3);
        assertThat(config.topics()).isEqualTo(Topics.withPrefix("cloe."));
        assertThat(config.partitions()).isEqualTo(32);
        EngineSettings engine = config.inference().engine(new DeviceChoice.Cpu());
        ExecutorSettings executor = config.inference().executor();
        assertThat(config.inference().devices()).containsExactly(new DeviceChoice.Cuda(1));
        assertThat(engine.threads()).isEqualTo(7);
        assertThat(engine.tensorRtCache()).contains(Path.of("/engines"));
        assertThat(engine.studyMemoryBytes()).isEqualTo(64L << 20);
        assertThat(executor.deviceTimeout()).isEqualTo(Duration.ofMinutes(3));
        assertThat(executor.deviceGrace()).isEqualTo(Duration.ofSeconds(9));
        assertThat(engine.wholeCropBytes()).hasValue(5L << 20);
        assertThat(engine.pairConsistency()).isTrue();
        assertThat(config.inference().warmsUp()).isTrue();
        assertThat(config.inference().sessionIdle()).isEqualTo(Duration.ofHours(1));
        assertThat(executor.reprocessShare()).isEqualTo(0.2);
        assertThat(executor.memoryBytes()).isEqualTo(300L << 20);
        assertThat(executor.decodeThreads()).isEqualTo(3);
        assertThat(config.inference().maxVoxels()).isEqualTo(1000);
        assertThat(executor.maskInlineMaxBytes()).isEqualTo(900_000);
        assertThat(executor.resultCache())
                .isEqualTo(new ResultCacheSettings(0, Optional.of(Path.of("/shared/results")), 3L << 20));
        assertThat(config.rules().special())
                .extracting(RuleBook.SpecialRule::name)
                .containsExactly("a");
        StudyRules rules = config.rules().general();
        assertThat(rules.timeout()).isEqualTo(Duration.ofSeconds(90));
        assertThat(rules.longestWait()).isEqualTo(Duration.ofDays(2));
        assertThat(rules.settle()).isEqualTo(Duration.ofSeconds(1));
        assertThat(rules.retention()).isEqualTo(Duration.ofDays(10));
        assertThat(rules.required().names()).isEqualTo(Set.of("T1CE", "T2", "FLAIR"));
        assertThat(rules.onIncomplete()).isEqualTo(StudyRules.OnIncomplete.WAIT);
        assertThat(rules.historyLimit()).isEqualTo(8);
        assertThat(rules.retry()).isEqualTo(new StudyRules.Retry(1, Duration.ofMillis(1), Duration.ofHours(1)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"bootstrap.servers", "model.bundles", "volume.roots", "mask.directory"})
    void shouldNameTheKeyAndWhatItIsForWhenARequiredOneIsMissing(String key) {
        Map<String, String> settings = required();
        settings.remove(key);

        assertThat(refusalOf(settings)).startsWith("missing setting " + key + ": ");
    }

    @ParameterizedTest
    @ValueSource(strings = {"study.tiemout", "Study.timeout", "kafka", "", " study.timeout"})
    void shouldNameTheKeyWhenItIsUnknown(String key) {
        assertThat(refusalOf(key, "1")).startsWith("unknown setting " + key).contains("allowed: ");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "study.timeout | 15 | 15m",
                "study.timeout | 0s | positive",
                "study.longest-wait | 99999d | at most 36500d",
                "study.settle | soon | such as 15m",
                "study.retention | -1d | positive",
                "retry.first-delay | 1y | ms, s, m, h or d",
                "retry.longest-delay | '' | ms, s, m, h or d",
                "study.required | T1 and | allowed: any, or modality names",
                "study.required | (T1 | allowed: any, or modality names",
                "study.required | '' | allowed: any, or modality names",
                "study.required | T1 & T2 | allowed: any, or modality names",
                "study.on-incomplete | maybe | run, wait, discard",
                "study.history | 7 | at least 8",
                "study.history | 1001 | no more than 1000",
                "retry.attempts | 0 | at least 1",
                "retry.attempts | 101 | no more than 100",
                "stream.threads | 0 | at least 1",
                "stream.threads | 257 | no more than 256",
                "stream.threads | many | INT",
                "stream.threads | 1.5 | INT",
                "group.protocol | kip | classic, streams",
                "replication.factor | -2 | at least -1",
                "replication.factor | 32768 | no more than 32767",
                "topics.prefix | a b | letters, digits",
                "topics.prefix | a/b | letters, digits",
                "topics.partitions | 0 | at least 1",
                "topics.partitions | 10001 | no more than 10000",
                "device | gpu | auto, cpu, cuda:N or tensorrt:N",
                "device | cuda | auto, cpu, cuda:N or tensorrt:N",
                "device | cuda:-1 | auto, cpu, cuda:N or tensorrt:N",
                "inference.threads | 0 | at least 1",
                "inference.threads | 1025 | no more than 1024",
                "inference.memory.mib | 63 | at least 64",
                "inference.memory.mib | 1048577 | no more than 1048576",
                "decode.threads | 0 | at least 1",
                "decode.threads | 65 | no more than 64",
                "volume.max.voxels | 999 | at least 1000",
                "volume.max.voxels | 1073741825 | no more than 1073741824",
                "volume.max.voxels | 99999999999 | INT",
                "mask.inline.max.bytes | -1 | at least 0",
                "mask.inline.max.bytes | 900001 | no more than 900000",
                "result.cache.entries | -1 | at least 0",
                "result.cache.entries | 1048577 | no more than 1048576",
                "result.cache.mib | -1 | at least 0",
                "mask.directory | masks | an absolute path",
                "state.directory | state | an absolute path",
                "volume.roots | data | an absolute path",
                "application.id | '' | non-empty",
            })
    void shouldNameKeyValueAndWhatIsAllowedWhenAValueIsWrong(String key, String value, String allowed) {
        assertThat(refusalOf(key, value)).contains(key, value, allowed);
    }

    @Test
    void shouldNameTheWrongOneWhenAListHasGoodOnesToo() {
        assertThat(refusalOf("volume.roots", "/good,bad,/better"))
                .contains("volume.roots", "bad")
                .doesNotContain("/good");
    }

    @ParameterizedTest
    @ValueSource(strings = {"bootstrap.servers", "model.bundles", "volume.roots"})
    void shouldRefuseAListWhenItIsEmpty(String key) {
        assertThat(refusalOf(key, "")).contains(key);
    }

    @Test
    void shouldTakeAFolderOnceWhenItIsNamedTwice() throws Exception {
        assertThat(with("volume.roots", "/a,/b,/a").volumeRoots().folders())
                .containsExactly(Path.of("/a"), Path.of("/b"));
        assertThat(with("model.bundles", "/a,/a").modelBundles()).containsExactly(Path.of("/a"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"model.bundles", "volume.roots", "mask.directory", "state.directory"})
    void shouldRefuseAPathWhenNoFileSystemCanHaveIt(String key) {
        assertThat(refusalOf(key, "/a\0b")).contains(key, "allowed: a");
    }

    @Test
    void shouldTakeABucketWhenTheRepositoryIsOne() throws Exception {
        WorkerConfig config = with("model.repository", "s3://models/live");

        assertThat(config.modelRepository().orElseThrow().bucket()).contains(new S3Prefix("models", "live/"));
        assertThat(config.modelCacheDirectory()).isEqualTo(Path.of("/var/lib/cloe/state/models"));
        assertThat(with("model.repository", " ").modelRepository()).isEmpty();
        assertThat(refusalOf("model.repository", "s3:models")).contains("allowed: nothing, a path or s3://");
        assertThat(refusalOf("model.bundles", "s3://models/live/a")).contains("allowed: a folder");
    }

    @Test
    void shouldStayOneLineWhenTheValueHasSeveral() {
        assertThat(refusalOf("device", "cpu\ngpu\r\ntpu")).contains("cpu gpu tpu");
    }

    @Test
    void shouldPassKafkasOwnSettingsOnWhenTheyHaveThePrefix() throws Exception {
        Map<String, String> settings = required();
        settings.put("kafka.security.protocol", "SASL_SSL");
        settings.put("kafka.producer.compression.type", "zstd");

        assertThat(WorkerConfig.of(settings).kafkaSettings())
                .containsExactlyInAnyOrderEntriesOf(Map.of(
                        "bootstrap.servers", "broker-1:9092,broker-2:9092",
                        "security.protocol", "SASL_SSL",
                        "producer.compression.type", "zstd"));
    }

    @Test
    void shouldTrimValuesWhenTheyHaveSpacesAround() throws Exception {
        assertThat(with("decode.threads", " 3 ").inference().executor().decodeThreads())
                .isEqualTo(3);
        assertThat(with("device", " cpu ").inference().devices()).containsExactly(new DeviceChoice.Cpu());
    }

    /** {@code -Dcloe.docs.accept} rewrites the file after a setting has changed. */
    @Test
    void shouldBeDocumentedAsItIsWhenASettingChanges() throws Exception {
        Path file = Path.of("docs/configuration.md");
        String expected = "# Configuration of the worker\n\n"
                + "From a properties file (`--config FILE`), environment variables (`CLOE_STUDY_TIMEOUT=2m`, dots and"
                + " dashes as underscores) and\n`-DKEY=VALUE`; the later one wins. `kafka.*` is passed on to every"
                + " Kafka client without the prefix. Printed by `cloe config docs`.\n\n"
                + WorkerConfig.reference();
        if (System.getProperty("cloe.docs.accept") != null) {
            Files.writeString(file, expected);
        }

        assertThat(file).hasContent(expected);
        for (String key : WorkerConfig.keys()) {
            assertThat(expected).contains("| `" + key + "` |");
        }
    }

    @Test
    void shouldAskForATokenWhenTheAdminServerIsToListenBeyondLoopback() throws Exception {
        assertThat(refusalOf("admin.host", "0.0.0.0")).contains("admin.token", "loopback");
        assertThat(with("admin.host", "localhost").admin().token()).isEmpty();
        Map<String, String> off = required();
        off.put("admin.host", "0.0.0.0");
        off.put("admin.port", "-1");
        assertThat(WorkerConfig.of(off).admin().enabled()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"too-short", "with a space in the middle", "umlauts-are-not-visible-\u00fc"})
    void shouldRefuseATokenWithoutShowingItWhenItIsWeak(String token) {
        assertThat(refusalOf("admin.token", token))
                .contains("admin.token", "16")
                .doesNotContain(token);
    }
}
