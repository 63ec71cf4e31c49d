package io.cloe.worker.execution;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.InferenceFault;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceOutcome;
import io.cloe.schemas.JobScan;
import io.cloe.schemas.MaskReference;
import io.cloe.schemas.ModalityGating;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.RevisionChange;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.bundle.ModelIdentity;
import io.cloe.worker.execution.Stages.Decoded;
import io.cloe.worker.execution.Stages.Segmented;
import io.cloe.worker.inference.CropSegmentation;
import io.cloe.worker.inference.EngineException;
import io.cloe.worker.inference.Estimate;
import io.cloe.worker.inference.FieldOfView;
import io.cloe.worker.inference.InferenceControl;
import io.cloe.worker.inference.ModalityTrust;
import io.cloe.worker.inference.RegionVolumes;
import io.cloe.worker.inference.ReviewFlags;
import io.cloe.worker.inference.ReviewLimits;
import io.cloe.worker.inference.StudyEngine;
import io.cloe.worker.masks.MaskName;
import io.cloe.worker.masks.MaskStore;
import io.cloe.worker.masks.MaskStoreException;
import io.cloe.worker.volume.GeometryCheck;
import io.cloe.worker.volume.Grid;
import io.cloe.worker.volume.LoadedVolume;
import io.cloe.worker.volume.MaskFile;
import io.cloe.worker.volume.NiftiMaskWriter;
import io.cloe.worker.volume.NiftiReader;
import io.cloe.worker.volume.PreparedStudy;
import io.cloe.worker.volume.PreprocessorSettings;
import io.cloe.worker.volume.StudyPreprocessor;
import io.cloe.worker.volume.Volume;
import io.cloe.worker.volume.VolumeException;
import io.cloe.worker.volume.VolumeSource;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.FutureTask;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The stages of a job for one model: {@link #decode}, {@link #segment}, {@link #measure}, {@link #store}. Stateless but for its
 * parts; {@code segment} is for the engine's thread, the others for any.
 */
final class StudyInference {

    /** Review flag: the mask of the superseded revision could not be read, so the change is not known. */
    static final String PREVIOUS_MASK_UNREADABLE = "PREVIOUS_MASK_UNREADABLE";

    private static final Logger LOG = LoggerFactory.getLogger(StudyInference.class);

    private final ToLongFunction<int[]> engineBytes;
    private final String engineMode;
    private final ModelBundle bundle;
    private final VolumeSource volumes;
    private final StudyPreprocessor preprocessor;
    private final MaskStore masks;
    private final NiftiReader maskReader;
    private final int maxVoxels;
    private final int inlineMaxBytes;
    private final Clock clock;
    private final Pseudonyms pseudonyms;

    StudyInference(
            ModelEngines model,
            VolumeSource volumes,
            MaskStore masks,
            int maxVoxels,
            int inlineMaxBytes,
            Clock clock,
            Pseudonyms pseudonyms) {
        StudyEngine any = model.engines().get(0);
        this.engineBytes = crop -> any.bytesNeeded(crop[0], crop[1], crop[2]);
        this.engineMode = any.mode();
        this.bundle = model.bundle();
        this.maxVoxels = maxVoxels;
        this.volumes = volumes;
        this.preprocessor = new StudyPreprocessor(new PreprocessorSettings(
                bundle.orientation(),
                bundle.window().depth(),
                bundle.window().height(),
                bundle.window().width(),
                bundle.clip(),
                maxVoxels));
        this.masks = masks;
        this.maskReader = new NiftiReader(maxVoxels);
        this.inlineMaxBytes = inlineMaxBytes;
        this.clock = clock;
        this.pseudonyms = pseudonyms;
    }

    ModelIdentity model() {
        return bundle.identity();
    }

    /**
     * What a job will need, from the headers of its volumes alone. A volume that cannot be read says why when it is loaded; until then it
     * counts as the largest that is allowed, as does one whose source cannot tell.
     */
    StudyMemory plan(InferenceJob job) {
        long voxels = 0;
        int[] crop = {0, 0, 0};
        for (JobScan scan : job.getScans()) {
            Optional<Grid> grid = grid(scan);
            voxels = Math.max(voxels, grid.map(Grid::voxels).orElse((long) maxVoxels));
            int[] largest = grid.filter(known -> known.voxels() <= maxVoxels)
                    .map(preprocessor::largestCrop)
                    .orElseGet(this::largestCropOfAll);
            for (int axis = 0; axis < 3; axis++) {
                crop[axis] = Math.max(crop[axis], largest[axis]);
            }
        }
        return memory(job, Math.min(voxels, maxVoxels), crop);
    }

    private Optional<Grid> grid(JobScan scan) {
        try {
            return volumes.grid(scan.getVolume());
        } catch (VolumeException e) {
            LOG.debug("a volume's grid is not known beforehand: {}", e.reason());
            return Optional.empty();
        }
    }

    private int[] largestCropOfAll() {
        int side = (int) Math.cbrt(maxVoxels);
        return new int[] {
            Math.max(side, bundle.window().depth()),
            Math.max(side, bundle.window().height()),
            Math.max(side, bundle.window().width())
        };
    }

    private StudyMemory memory(InferenceJob job, long voxels, int[] crop) {
        return StudyMemory.of(voxels, crop, job.getScans().size(), engineBytes, job.getPrevious() != null);
    }

    /**
     * Reads a job's volumes and makes them ready for the network, each volume on a thread of its own.
     *
     * @param readers runs what can be done at the same time
     * @throws JobFaultException with a fault for each volume that cannot be used
     */
    Decoded decode(InferenceJob job, Executor readers) throws JobFaultException, InterruptedException {
        Map<String, LoadedVolume> loaded = load(job, readers);
        Map<String, Grid> grids = new TreeMap<>();
        loaded.forEach((modality, volume) -> grids.put(modality, volume.volume().grid()));
        requireOneGrid(grids);
        LinkedHashMap<String, Volume> inOrder = new LinkedHashMap<>();
        Set<String> flags = new TreeSet<>();
        for (String modality : bundle.inBundleOrder(loaded.keySet())) {
            Volume volume = loaded.get(modality).volume();
            inOrder.put(modality, volume);
            volume.flags().forEach(flag -> flags.add(flag.name()));
        }
        try {
            return decoded(job, preprocessor.prepare(inOrder, readers), inputDigest(digests(loaded)), flags);
        } catch (VolumeException e) {
            throw new JobFaultException(
                    List.of(JobFaultException.fault(e.modality().orElse(null), e)));
        }
    }

    /**
     * As {@link #decode}, for a study that is too large to be held whole: every volume is read twice, and only one is in memory at a
     * time, beside the crops.
     *
     * @param mostBytes what the study may take
     * @throws JobFaultException also with STUDY_TOO_LARGE if it would take more in this way too
     */
    Decoded decodeOneByOne(InferenceJob job, long mostBytes) throws JobFaultException {
        Map<String, Grid> grids = new TreeMap<>();
        Map<String, String> digests = new TreeMap<>();
        Map<String, StudyPreprocessor.Extent> extents = new TreeMap<>();
        Set<String> flags = new TreeSet<>();
        List<InferenceFault> faults = new ArrayList<>();
        for (JobScan scan : job.getScans()) {
            String modality = scan.getScan().getModality();
            try {
                LoadedVolume loaded = load(job, scan);
                grids.put(modality, loaded.volume().grid());
                digests.put(modality, loaded.sha256());
                extents.put(modality, StudyPreprocessor.extent(loaded.volume()));
                loaded.volume().flags().forEach(flag -> flags.add(flag.name()));
            } catch (VolumeException e) {
                faults.add(JobFaultException.fault(modality, e));
            }
        }
        if (!faults.isEmpty()) {
            throw new JobFaultException(faults);
        }
        requireOneGrid(grids);
        Map<String, JobScan> scans = new TreeMap<>();
        job.getScans().forEach(scan -> scans.put(scan.getScan().getModality(), scan));
        LinkedHashMap<String, StudyPreprocessor.Loading> again = new LinkedHashMap<>();
        for (String modality : bundle.inBundleOrder(scans.keySet())) {
            again.put(modality, () -> {
                LoadedVolume loaded = load(job, scans.get(modality));
                if (!loaded.sha256().equals(digests.get(modality))) {
                    throw VolumeException.retriable(
                            FailureReason.VOLUME_IO, "the file changed between two readings of it");
                }
                return loaded.volume();
            });
        }
        try {
            Grid grid = grids.values().iterator().next();
            int[] crop = preprocessor.crop(grid, extents.values());
            StudyMemory whole = memory(job, grid.voxels(), crop);
            long bytes = Math.max(
                    whole.onceRead(), whole.reading() - (job.getScans().size() - 1) * grid.voxels() * Float.BYTES);
            if (bytes > mostBytes) {
                LOG.warn("job {} needs {} bytes, allowed are {}", pseudonyms.of(job.getJobId()), bytes, mostBytes);
                throw JobFaultException.ofJob(FailureReason.STUDY_TOO_LARGE, false);
            }
            return decoded(job, preprocessor.prepareOneByOne(again, grid, extents), inputDigest(digests), flags);
        } catch (VolumeException e) {
            throw new JobFaultException(
                    List.of(JobFaultException.fault(e.modality().orElse(null), e)));
        }
    }

    private Decoded decoded(InferenceJob job, PreparedStudy study, String inputDigest, Set<String> flags) {
        int[] crop = {study.crop().depth(), study.crop().height(), study.crop().width()};
        return new Decoded(
                job, study, inputDigest, flags, memory(job, study.grid().voxels(), crop));
    }

    private static void requireOneGrid(Map<String, Grid> grids) throws JobFaultException {
        Set<String> mismatched = GeometryCheck.mismatched(grids);
        if (!mismatched.isEmpty()) {
            throw new JobFaultException(mismatched.stream()
                    .map(modality -> new InferenceFault(modality, FailureReason.GEOMETRY_MISMATCH, false))
                    .toList());
        }
    }

    private Map<String, LoadedVolume> load(InferenceJob job, Executor readers)
            throws JobFaultException, InterruptedException {
        Map<String, FutureTask<LoadedVolume>> loading = new TreeMap<>();
        for (JobScan scan : job.getScans()) {
            FutureTask<LoadedVolume> task = new FutureTask<>(() -> load(job, scan));
            loading.put(scan.getScan().getModality(), task);
            readers.execute(task);
        }
        Map<String, LoadedVolume> loaded = new TreeMap<>();
        List<InferenceFault> faults = new ArrayList<>();
        for (Map.Entry<String, FutureTask<LoadedVolume>> entry : loading.entrySet()) {
            try {
                loaded.put(entry.getKey(), entry.getValue().get());
            } catch (ExecutionException e) {
                if (!(e.getCause() instanceof VolumeException fault)) {
                    throw unexpected(e.getCause());
                }
                faults.add(JobFaultException.fault(entry.getKey(), fault));
            }
        }
        if (!faults.isEmpty()) {
            throw new JobFaultException(faults);
        }
        return loaded;
    }

    /** Throws what a reader met that is no fault of the volume. */
    private static RuntimeException unexpected(Throwable thrown) {
        if (thrown instanceof Error error) {
            throw error;
        }
        throw (RuntimeException) thrown;
    }

    private LoadedVolume load(InferenceJob job, JobScan scan) throws VolumeException {
        String modality = scan.getScan().getModality();
        if (!bundle.modalities().contains(modality)) {
            // A job that was queued for a model that knew more.
            throw VolumeException.permanent(FailureReason.UNKNOWN_MODALITY, "the model does not know this modality");
        }
        try {
            return volumes.load(scan.getVolume());
        } catch (VolumeException e) {
            LOG.warn(
                    "job {}: {} cannot be used: {} ({})",
                    pseudonyms.of(job.getJobId()),
                    modality,
                    e.reason(),
                    e.getMessage());
            throw e;
        }
    }

    private static Map<String, String> digests(Map<String, LoadedVolume> loaded) {
        Map<String, String> digests = new TreeMap<>();
        loaded.forEach((modality, volume) -> digests.put(modality, volume.sha256()));
        return digests;
    }

    /**
     * SHA-256 over lines {@code MODALITY:SHA256-OF-FILE}, in bundle order; and one more where the engine runs in a mode of its own, whose
     * results are others.
     */
    private String inputDigest(Map<String, String> digests) {
        String lines = bundle.inBundleOrder(digests.keySet()).stream()
                .map(modality -> modality + ":" + digests.get(modality) + "\n")
                .collect(Collectors.joining());
        if (!engineMode.isEmpty()) {
            lines += "mode:" + engineMode + "\n";
        }
        return HexFormat.of().formatHex(sha256().digest(lines.getBytes(StandardCharsets.US_ASCII)));
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java runtime has SHA-256", e);
        }
    }

    /**
     * Runs the network.
     *
     * @param engine one of the model's, for the thread that it belongs to
     * @throws EngineException when there is no result
     */
    Segmented segment(Decoded decoded, StudyEngine engine, InferenceControl control) throws EngineException {
        return new Segmented(decoded, engine.infer(decoded.study().crop(), control));
    }

    /** Makes the mask file and measures it. */
    Measures measure(Segmented segmented) {
        PreparedStudy study = segmented.decoded().study();
        CropSegmentation segmentation = segmented.segmentation();
        Grid grid = study.grid();
        MaskFile mask = NiftiMaskWriter.write(study.restore(segmentation.maskLabels(bundle)), grid);
        Set<String> flags = new TreeSet<>(segmented.decoded().flags());
        ReviewFlags.of(
                        bundle,
                        study.crop(),
                        fieldOfView(study),
                        segmentation,
                        grid.spacingMm(),
                        ReviewLimits.defaults())
                .forEach(flag -> flags.add(flag.name()));
        return new Measures(
                mask,
                Arrays.stream(grid.dims()).boxed().toList(),
                Arrays.stream(grid.affine()).boxed().toList(),
                volumesMl(segmentation, grid),
                segmentation.trust().stream().map(StudyInference::gating).toList(),
                segmentation.gateActed(),
                List.copyOf(flags));
    }

    private static FieldOfView fieldOfView(PreparedStudy study) {
        int[] origin = study.cropOrigin();
        int[] size = study.volumeSize();
        return new FieldOfView(
                -origin[2], size[2] - origin[2], -origin[1], size[1] - origin[1], -origin[0], size[0] - origin[0]);
    }

    private Map<String, Double> volumesMl(CropSegmentation segmentation, Grid grid) {
        double cubicMillimetres = Arrays.stream(grid.spacingMm()).reduce(1, (a, b) -> a * b);
        RegionVolumes volumesFound = RegionVolumes.of(bundle, segmentation.voxelsPerClass(bundle), cubicMillimetres);
        Map<String, Double> byName = new TreeMap<>(volumesFound.classes());
        byName.putAll(volumesFound.regions());
        return byName;
    }

    private static ModalityGating gating(ModalityTrust trust) {
        return new ModalityGating(
                trust.modality(),
                trust.weight().mean(),
                trust.weight().spread(),
                trust.globalConsistency().map(Estimate::mean).orElse(null),
                trust.regionalConsistency().map(Estimate::mean).orElse(null),
                trust.globalConsistency().map(Estimate::spread).orElse(null),
                trust.regionalConsistency().map(Estimate::spread).orElse(null));
    }

    /**
     * Stores the mask and puts the outcome together. The mask is in the store before anybody hears of it.
     *
     * @param timingsMs milliseconds of the stages before this one
     */
    InferenceOutcome store(InferenceJob job, String inputDigest, Measures measures, Map<String, Long> timingsMs)
            throws JobFaultException {
        long start = System.nanoTime();
        ModelIdentity model = bundle.identity();
        MaskName name = new MaskName(
                job.getStudyId(),
                job.getRevision(),
                model.digest(),
                inputDigest,
                measures.mask().sha256());
        URI location;
        try {
            location = masks.create(name, measures.mask());
        } catch (MaskStoreException e) {
            LOG.error("job {}: {}", pseudonyms.of(job.getJobId()), e.getMessage());
            throw JobFaultException.ofJob(FailureReason.MASK_STORE_ERROR, e.retriable());
        }
        List<String> flags = new ArrayList<>(measures.flags());
        RevisionChange change = change(job, measures, flags).orElse(null);
        Map<String, Long> timings = new TreeMap<>(timingsMs);
        timings.put("write", (System.nanoTime() - start) / 1_000_000);
        return InferenceOutcome.newBuilder()
                .setModel(new ModelReference(model.family(), model.id(), model.version(), model.digest()))
                .setMask(reference(location, measures))
                .setVolumesMl(measures.volumesMl())
                .setGating(measures.gating())
                .setGateActed(measures.gateActed())
                .setFlags(flags)
                .setChange(change)
                .setTimingsMs(timings)
                .setInputDigest(inputDigest)
                .setFinishedAt(clock.instant())
                .build();
    }

    private MaskReference reference(URI location, Measures measures) {
        byte[] bytes = measures.mask().bytes();
        return MaskReference.newBuilder()
                .setUri(location.toString())
                .setSha256(measures.mask().sha256())
                .setSizeBytes(bytes.length)
                .setInline(bytes.length <= inlineMaxBytes ? ByteBuffer.wrap(bytes) : null)
                .setLabelScheme(bundle.describedLabelScheme())
                .setDims(measures.dims())
                .setAffine(measures.affine())
                .build();
    }

    /** Empty for a first revision, and when the former mask lies on another grid or cannot be read. */
    private Optional<RevisionChange> change(InferenceJob job, Measures measures, List<String> flags) {
        if (job.getPrevious() == null || !onSameGrid(job.getPrevious().getMask(), measures)) {
            return Optional.empty();
        }
        try {
            byte[] before = labels(formerMask(job.getPrevious().getMask()));
            byte[] after = labels(measures.mask().bytes());
            return Optional.of(RevisionComparison.between(bundle, job.getPrevious(), before, after, measures.gating()));
        } catch (MaskStoreException | VolumeException | IOException | IllegalArgumentException e) {
            LOG.warn(
                    "job {}: the superseded mask cannot be read: {}",
                    pseudonyms.of(job.getJobId()),
                    e.getClass().getSimpleName());
            flags.add(PREVIOUS_MASK_UNREADABLE);
            return Optional.empty();
        }
    }

    private static boolean onSameGrid(MaskReference former, Measures measures) {
        if (!former.getDims().equals(measures.dims())
                || former.getAffine().size() != measures.affine().size()) {
            return false;
        }
        for (int i = 0; i < measures.affine().size(); i++) {
            if (Math.abs(former.getAffine().get(i) - measures.affine().get(i)) > Grid.TOLERANCE_MM) {
                return false;
            }
        }
        return true;
    }

    /** The superseded mask, if it still is the file that was published. */
    private byte[] formerMask(MaskReference former) throws MaskStoreException, IOException {
        byte[] file = masks.read(URI.create(former.getUri()));
        if (!HexFormat.of().formatHex(sha256().digest(file)).equals(former.getSha256())) {
            throw new IOException("not the file that was published");
        }
        return file;
    }

    private byte[] labels(byte[] maskFile) throws VolumeException, IOException {
        float[] voxels = maskReader
                .read(new ByteArrayInputStream(maskFile), maskFile.length)
                .voxels();
        byte[] labels = new byte[voxels.length];
        for (int voxel = 0; voxel < labels.length; voxel++) {
            labels[voxel] = (byte) voxels[voxel];
        }
        return labels;
    }
}
