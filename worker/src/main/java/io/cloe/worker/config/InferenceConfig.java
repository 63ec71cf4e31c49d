package io.cloe.worker.config;

import static org.apache.kafka.common.config.ConfigDef.Importance.HIGH;
import static org.apache.kafka.common.config.ConfigDef.Importance.LOW;
import static org.apache.kafka.common.config.ConfigDef.Importance.MEDIUM;
import static org.apache.kafka.common.config.ConfigDef.Range.between;

import io.cloe.worker.execution.ExecutorSettings;
import io.cloe.worker.execution.ResultCacheSettings;
import io.cloe.worker.inference.DeviceChoice;
import io.cloe.worker.inference.EngineException;
import io.cloe.worker.inference.EngineSettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Type;

/** How studies are read, run on devices and remembered. */
public final class InferenceConfig {

    public static final String DEVICE = "device";
    public static final String INFERENCE_THREADS = "inference.threads";
    public static final String INFERENCE_MEMORY_MIB = "inference.memory.mib";
    public static final String INFERENCE_TIMEOUT = "inference.timeout";
    public static final String INFERENCE_TIMEOUT_GRACE = "inference.timeout.grace";
    public static final String INFERENCE_WHOLE_CROP = "inference.whole.crop";
    public static final String INFERENCE_WHOLE_CROP_MIB = "inference.whole.crop.mib";
    public static final String INFERENCE_PAIR_CONSISTENCY = "inference.pair.consistency";
    public static final String INFERENCE_WARM_UP = "inference.warm.up";
    public static final String INFERENCE_SESSION_IDLE = "inference.session.idle";
    public static final String INFERENCE_TENSORRT_CACHE = "inference.tensorrt.cache";
    public static final String REPROCESS_SHARE = "reprocess.share";
    public static final String MEMORY_MIB = "memory.mib";
    public static final String DECODE_THREADS = "decode.threads";
    public static final String VOLUME_MAX_VOXELS = "volume.max.voxels";
    public static final String MASK_INLINE_MAX_BYTES = "mask.inline.max.bytes";
    public static final String RESULT_CACHE_ENTRIES = "result.cache.entries";
    public static final String RESULT_CACHE_DIRECTORY = "result.cache.directory";
    public static final String RESULT_CACHE_MIB = "result.cache.mib";

    private final AbstractConfig parsed;
    private final Path stateDirectory;

    private InferenceConfig(AbstractConfig parsed, Path stateDirectory) {
        this.parsed = parsed;
        this.stateDirectory = stateDirectory;
    }

    static ConfigDef addTo(ConfigDef definition) {
        return definition
                .define(
                        DEVICE,
                        Type.STRING,
                        "auto",
                        knownDevice(),
                        HIGH,
                        "auto, cpu, cuda:N, or tensorrt:N where TensorRT 10 is installed, or several GPUs such as cuda:0,cuda:1. A"
                                + " GPU asked for never falls back to the CPU; auto says what it chose and why.")
                .define(
                        INFERENCE_THREADS,
                        Type.INT,
                        Runtime.getRuntime().availableProcessors(),
                        between(1, 1_024),
                        MEDIUM,
                        "Threads that compute one window on the CPU. Default: all processors.")
                .define(
                        INFERENCE_TENSORRT_CACHE,
                        Type.STRING,
                        "",
                        LOW,
                        "Folder in which TensorRT keeps the engines that it builds for device=tensorrt:N, which takes minutes"
                                + " for each subset of modalities. What lies there is run: nobody else may write there. Default:"
                                + " tensorrt in the state directory.")
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
                        true,
                        null,
                        LOW,
                        "Whether a brain is segmented at once where the model has a graph that is large enough, and by windows"
                                + " otherwise. Faster, and masks differ; a campaign's brain is stopped for a live study once, and begun"
                                + " again.")
                .define(
                        INFERENCE_WHOLE_CROP_MIB,
                        Type.INT,
                        0,
                        between(0, 1 << 20),
                        LOW,
                        "Memory outside the heap that segmenting a brain at once may take on a CPU, in MiB; windows are run instead where"
                                + " it would take more. 0: what the machine or container has beside the heap, less 1024.")
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
                                + " time, and one more where live ones meet a campaign's.")
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
    }

    /** @param stateDirectory below which results are remembered, unless the settings name another place */
    static InferenceConfig of(AbstractConfig parsed, Path stateDirectory) {
        return new InferenceConfig(parsed, stateDirectory);
    }

    /** The devices to use, at least one. */
    public List<DeviceChoice> devices() {
        return parseDevices(parsed.getString(DEVICE));
    }

    /** How a model runs on one of them. */
    public EngineSettings engine(DeviceChoice device) {
        EngineSettings settings = EngineSettings.defaults()
                .withDevice(device)
                .withThreads(parsed.getInt(INFERENCE_THREADS))
                .withStudyMemoryBytes(bytes(INFERENCE_MEMORY_MIB))
                .withWholeCrop(parsed.getBoolean(INFERENCE_WHOLE_CROP))
                .withPairConsistency(parsed.getBoolean(INFERENCE_PAIR_CONSISTENCY))
                .withTensorRtCache(tensorRtCache());
        long wholeCropBytes = bytes(INFERENCE_WHOLE_CROP_MIB);
        boolean limited = wholeCropBytes > 0 && parsed.getBoolean(INFERENCE_WHOLE_CROP);
        return limited ? settings.withWholeCropBytes(OptionalLong.of(wholeCropBytes)) : settings;
    }

    private Path tensorRtCache() {
        String given = parsed.getString(INFERENCE_TENSORRT_CACHE);
        return given.isEmpty() ? stateDirectory.resolve("tensorrt") : Path.of(given);
    }

    /** Whether an engine runs once before its first study. */
    public boolean warmsUp() {
        return parsed.getBoolean(INFERENCE_WARM_UP);
    }

    /** After which time what nobody used is closed. */
    public Duration sessionIdle() {
        return DurationText.parse(parsed.getString(INFERENCE_SESSION_IDLE));
    }

    /** Voxels of the largest volume that is read. */
    public int maxVoxels() {
        return parsed.getInt(VOLUME_MAX_VOXELS);
    }

    /** How jobs go through the worker. */
    public ExecutorSettings executor() {
        return new ExecutorSettings(
                parsed.getInt(DECODE_THREADS),
                maxVoxels(),
                memoryBytes(),
                DurationText.parse(parsed.getString(INFERENCE_TIMEOUT)),
                DurationText.parse(parsed.getString(INFERENCE_TIMEOUT_GRACE)),
                sessionIdle(),
                parsed.getDouble(REPROCESS_SHARE),
                parsed.getInt(MASK_INLINE_MAX_BYTES),
                resultCache());
    }

    private long memoryBytes() {
        long bytes = bytes(MEMORY_MIB);
        return bytes == 0 ? Runtime.getRuntime().maxMemory() / 2 : bytes;
    }

    private ResultCacheSettings resultCache() {
        String directory = parsed.getString(RESULT_CACHE_DIRECTORY);
        long mostBytes = bytes(RESULT_CACHE_MIB);
        Path place = directory.isBlank() ? stateDirectory.resolve("results") : Path.of(directory);
        return new ResultCacheSettings(
                parsed.getInt(RESULT_CACHE_ENTRIES), mostBytes == 0 ? Optional.empty() : Optional.of(place), mostBytes);
    }

    private long bytes(String mib) {
        return parsed.getInt(mib) * (1L << 20);
    }

    private static ConfigDef.Validator duration() {
        return Validators.text(DurationText.ALLOWED, DurationText::parse);
    }

    private static ConfigDef.Validator knownDevice() {
        return Validators.text("auto, cpu, cuda:N or tensorrt:N", InferenceConfig::parseDevices);
    }

    private static List<DeviceChoice> parseDevices(String devices) {
        try {
            return DeviceChoice.parseList(devices);
        } catch (EngineException e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
    }
}
