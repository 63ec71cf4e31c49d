package io.cloe.worker.execution;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceOutcome;
import io.cloe.schemas.MaskReference;
import io.cloe.schemas.ModalityGating;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.RevisionChange;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.bundle.ModelIdentity;
import io.cloe.worker.execution.Stages.Segmented;
import io.cloe.worker.inference.CropSegmentation;
import io.cloe.worker.inference.Estimate;
import io.cloe.worker.inference.FieldOfView;
import io.cloe.worker.inference.ModalityTrust;
import io.cloe.worker.inference.RegionVolumes;
import io.cloe.worker.inference.ReviewFlags;
import io.cloe.worker.inference.ReviewLimits;
import io.cloe.worker.masks.MaskName;
import io.cloe.worker.masks.MaskStore;
import io.cloe.worker.masks.MaskStoreException;
import io.cloe.worker.volume.Grid;
import io.cloe.worker.volume.MaskFile;
import io.cloe.worker.volume.NiftiMaskWriter;
import io.cloe.worker.volume.NiftiReader;
import io.cloe.worker.volume.PreparedStudy;
import io.cloe.worker.volume.Sha256;
import io.cloe.worker.volume.VolumeException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Makes what one model's jobs leave behind: the mask in its store, and the outcome that tells of it. For any thread. */
final class StudyWriting {

    /** Review flag: the mask of the superseded revision could not be read, so the change is not known. */
    static final String PREVIOUS_MASK_UNREADABLE = "PREVIOUS_MASK_UNREADABLE";

    private static final Logger LOG = LoggerFactory.getLogger(StudyWriting.class);

    private final ModelBundle bundle;
    private final MaskStore masks;
    private final NiftiReader maskReader;
    private final int inlineMaxBytes;
    private final Clock clock;
    private final Pseudonyms pseudonyms;

    /**
     * For one model.
     *
     * @param maxVoxels of the largest superseded mask that is read
     * @param inlineMaxBytes masks up to this size also travel in the outcome
     */
    StudyWriting(
            ModelBundle bundle,
            MaskStore masks,
            int maxVoxels,
            int inlineMaxBytes,
            Clock clock,
            Pseudonyms pseudonyms) {
        this.bundle = bundle;
        this.masks = masks;
        this.maskReader = new NiftiReader(maxVoxels);
        this.inlineMaxBytes = inlineMaxBytes;
        this.clock = clock;
        this.pseudonyms = pseudonyms;
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
                segmentation.trust().stream().map(StudyWriting::gating).toList(),
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
        if (!Sha256.of(file).equals(former.getSha256())) {
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
