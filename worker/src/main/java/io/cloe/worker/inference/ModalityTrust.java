package io.cloe.worker.inference;

import java.util.Optional;

/**
 * How far the model trusted one modality of a study.
 *
 * @param modality name in the bundle
 * @param weight share of the modality in the fusion, 0..1; all modalities of a study sum to 1
 * @param globalConsistency score u, mean cosine with the other experts, -1..1; empty for one or two modalities, where it is undefined or
 *     not computed
 * @param regionalConsistency score v, as u over the region that matters; empty with it
 */
public record ModalityTrust(
        String modality,
        Estimate weight,
        Optional<Estimate> globalConsistency,
        Optional<Estimate> regionalConsistency) {}
