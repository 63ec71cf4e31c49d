package io.cloe.worker.inference.djl;

import ai.djl.ndarray.NDList;
import ai.djl.nn.AbstractSymbolBlock;
import ai.djl.nn.ParameterList;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import io.cloe.worker.inference.EngineException;
import io.cloe.worker.inference.InferenceControl;
import io.cloe.worker.inference.InferenceEngine;
import io.cloe.worker.volume.NormalisedCrop;

/** A whole study as one forward pass: windows, blending and labels included. */
final class CloeBlock extends AbstractSymbolBlock {

    private final InferenceEngine engine;

    CloeBlock(InferenceEngine engine) {
        this.engine = engine;
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameters, NDList inputs, boolean training, PairList<String, Object> options) {
        NormalisedCrop crop = CropArrays.toCrop(inputs);
        try {
            return CropArrays.ofSegmentation(
                    inputs.head().getManager(), crop, engine.infer(crop, new InferenceControl()));
        } catch (EngineException e) {
            throw new ai.djl.engine.EngineException(e);
        }
    }

    /** None that DJL could see or train: the weights live in the bundle's graphs. */
    @Override
    public ParameterList getDirectParameters() {
        return new ParameterList();
    }
}
