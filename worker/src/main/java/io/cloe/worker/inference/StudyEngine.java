package io.cloe.worker.inference;

import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.volume.NormalisedCrop;
import java.time.Duration;

/** One model on one device: what an executor needs of {@link InferenceEngine}. */
public interface StudyEngine extends AutoCloseable {

    /** The model. Any thread. */
    ModelBundle bundle();

    /** Name of the device that runs, such as {@code cpu} or {@code cuda:0}. Any thread. */
    String deviceName();

    /** What makes this engine answer otherwise than the model alone would, in few words; empty if nothing does. Any thread. */
    default String mode() {
        return "";
    }

    /** Bytes of heap that {@link #infer} allocates for a crop of this size. Any thread. */
    long bytesNeeded(int depth, int height, int width);

    /**
     * Segments a crop; for one thread only.
     *
     * @throws EngineException when there is no result
     */
    CropSegmentation infer(NormalisedCrop crop, InferenceControl control) throws EngineException;

    /**
     * Gives back what subsets hold that have not been used for this long; for the thread of {@link #infer}, and not while it runs.
     *
     * @throws EngineException if the device refuses
     */
    void closeSessionsIdleFor(Duration idle) throws EngineException;

    /** Stops what runs and frees everything. Any thread. */
    @Override
    void close() throws EngineException;
}
