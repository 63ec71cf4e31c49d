package io.cloe.worker.inference;

import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.volume.NormalisedCrop;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;

/** Finds what a person should look at in one result. Plain functions; knows no particular tumour or modality. */
public final class ReviewFlags {

    private static final int LEAST_MODALITIES_TO_DOMINATE = 3;

    private ReviewFlags() {}

    /**
     * All flags of a result.
     *
     * @param field where the volume ends, in the crop's coordinates
     * @param spacingMm the three voxel edges in millimetres, in any order
     */
    public static Set<ReviewFlag> of(
            ModelBundle bundle,
            NormalisedCrop crop,
            FieldOfView field,
            CropSegmentation segmentation,
            double[] spacingMm,
            ReviewLimits limits) {
        Set<ReviewFlag> flags = EnumSet.noneOf(ReviewFlag.class);
        if (bundle.notForClinicalUse()) {
            flags.add(ReviewFlag.DEMONSTRATION_MODEL);
        }
        double voxelVolume = 1;
        for (double edge : spacingMm) {
            voxelVolume *= edge;
            if (!bundle.spacing().contains(edge)) {
                flags.add(ReviewFlag.SPACING_OUT_OF_RANGE);
            }
        }
        flags.addAll(ofVolumes(RegionVolumes.of(bundle, segmentation.voxelsPerClass(bundle), voxelVolume), limits));
        flags.addAll(ofTrust(segmentation, limits));
        ofTiling(segmentation.tiling()).ifPresent(flags::add);
        if (touchesEdge(crop, field, segmentation.classIndices())) {
            flags.add(ReviewFlag.MASK_TOUCHES_EDGE);
        }
        return flags;
    }

    /** Flags that follow from sizes alone. */
    static Set<ReviewFlag> ofVolumes(RegionVolumes volumes, ReviewLimits limits) {
        Set<ReviewFlag> flags = EnumSet.noneOf(ReviewFlag.class);
        if (volumes.foreground() == 0) {
            flags.add(ReviewFlag.REGION_EMPTY);
        }
        if (volumes.foreground() > limits.implausibleMillilitres()) {
            flags.add(ReviewFlag.VOLUME_IMPLAUSIBLE);
        }
        if (volumes.regions().values().stream().anyMatch(size -> size > 0 && size < limits.smallRegionMillilitres())) {
            flags.add(ReviewFlag.SMALL_REGION);
        }
        return flags;
    }

    /** Flags that follow from weights and consistency. */
    static Set<ReviewFlag> ofTrust(CropSegmentation segmentation, ReviewLimits limits) {
        Set<ReviewFlag> flags = EnumSet.noneOf(ReviewFlag.class);
        boolean mayDominate = segmentation.trust().size() >= LEAST_MODALITIES_TO_DOMINATE;
        for (ModalityTrust trust : segmentation.trust()) {
            if (mayDominate && trust.weight().mean() > limits.dominantWeight()) {
                flags.add(ReviewFlag.WEIGHT_DOMINATES);
            }
            if (isLow(trust.globalConsistency(), limits) || isLow(trust.regionalConsistency(), limits)) {
                flags.add(ReviewFlag.LOW_CONSISTENCY);
            }
        }
        return flags;
    }

    private static Optional<ReviewFlag> ofTiling(CropSegmentation.Tiling tiling) {
        return switch (tiling) {
            case WINDOWS, WHOLE_CROP -> Optional.empty();
            case SMALL_WINDOWS -> Optional.of(ReviewFlag.SMALL_WINDOWS);
            case WINDOWS_FOR_WANT_OF_ROOM -> Optional.of(ReviewFlag.NOT_AT_ONCE);
        };
    }

    private static boolean isLow(Optional<Estimate> consistency, ReviewLimits limits) {
        return consistency.isPresent() && consistency.get().mean() < limits.lowConsistency();
    }

    private static boolean touchesEdge(NormalisedCrop crop, FieldOfView field, byte[] classIndices) {
        int voxel = 0;
        for (int z = 0; z < crop.depth(); z++) {
            for (int y = 0; y < crop.height(); y++) {
                for (int x = 0; x < crop.width(); x++) {
                    if (classIndices[voxel++] != 0 && field.isEdge(z, y, x)) {
                        return true;
                    }
                }
            }
        }
        return false;
    }
}
