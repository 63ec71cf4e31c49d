package io.cloe.worker.execution;

import io.cloe.schemas.ModalityGating;
import io.cloe.worker.volume.MaskFile;
import java.util.List;
import java.util.Map;

/**
 * What follows from a study's volumes and the model alone: the same for every job with the same input.
 *
 * @param mask the mask file
 * @param dims its voxels along the storage axes
 * @param affine rows of its 3x4 matrix
 * @param volumesMl volume in ml per region and class
 * @param gating weights and consistency per modality
 * @param gateActed whether the gate chose the weights
 * @param flags review flags
 */
record Measures(
        MaskFile mask,
        List<Integer> dims,
        List<Double> affine,
        Map<String, Double> volumesMl,
        List<ModalityGating> gating,
        boolean gateActed,
        List<String> flags) {}
