package io.cloe.worker.execution;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.InferenceFault;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.JobScan;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.execution.Stages.Decoded;
import io.cloe.worker.inference.StudyEngine;
import io.cloe.worker.volume.GeometryCheck;
import io.cloe.worker.volume.Grid;
import io.cloe.worker.volume.LoadedVolume;
import io.cloe.worker.volume.PreparedStudy;
import io.cloe.worker.volume.PreprocessorSettings;
import io.cloe.worker.volume.Sha256;
import io.cloe.worker.volume.StudyPreprocessor;
import io.cloe.worker.volume.Volume;
import io.cloe.worker.volume.VolumeException;
import io.cloe.worker.volume.VolumeSource;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
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

/** Reads what a job is about: one model's volumes, checked and made ready for the network. For any thread. */
final class StudyReading {

    private static final Logger LOG = LoggerFactory.getLogger(StudyReading.class);

    private final ToLongFunction<int[]> engineBytes;
    private final String engineMode;
    private final ModelBundle bundle;
    private final VolumeSource volumes;
    private final StudyPreprocessor preprocessor;
    private final int maxVoxels;
    private final Pseudonyms pseudonyms;

    StudyReading(ModelEngines model, VolumeSource volumes, int maxVoxels, Pseudonyms pseudonyms) {
        StudyEngine any = model.engines().get(0);
        this.engineBytes = crop -> any.bytesNeeded(crop[0], crop[1], crop[2]);
        this.engineMode = any.mode();
        this.bundle = model.bundle();
        this.volumes = volumes;
        this.preprocessor = new StudyPreprocessor(new PreprocessorSettings(
                bundle.orientation(),
                bundle.window().depth(),
                bundle.window().height(),
                bundle.window().width(),
                bundle.clip(),
                maxVoxels));
        this.maxVoxels = maxVoxels;
        this.pseudonyms = pseudonyms;
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
        return Sha256.of(lines.getBytes(StandardCharsets.US_ASCII));
    }
}
