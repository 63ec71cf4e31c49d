package io.cloe.worker.execution;

import io.cloe.schemas.InferenceJob;
import io.cloe.worker.inference.CropSegmentation;
import io.cloe.worker.volume.PreparedStudy;
import java.util.Set;

/** What a job is between its stages. */
final class Stages {

    private Stages() {}

    /**
     * A study ready for the device.
     *
     * @param job the job
     * @param study its volumes, cropped and normalised
     * @param inputDigest SHA-256 over the modalities and their files' digests
     * @param flags review flags of the volumes
     * @param memory what the study takes from here on
     */
    record Decoded(InferenceJob job, PreparedStudy study, String inputDigest, Set<String> flags, StudyMemory memory) {}

    /**
     * A study that the device is done with.
     *
     * @param decoded the study
     * @param segmentation what the network says of its crop
     */
    record Segmented(Decoded decoded, CropSegmentation segmentation) {}
}
