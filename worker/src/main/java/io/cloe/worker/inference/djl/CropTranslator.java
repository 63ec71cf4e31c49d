package io.cloe.worker.inference.djl;

import ai.djl.ndarray.NDList;
import ai.djl.translate.NoBatchifyTranslator;
import ai.djl.translate.TranslatorContext;
import io.cloe.worker.inference.CropSegmentation;
import io.cloe.worker.volume.NormalisedCrop;
import java.util.List;

/** A crop to arrays, and arrays to its segmentation. One study at a time. */
final class CropTranslator implements NoBatchifyTranslator<NormalisedCrop, CropSegmentation> {

    private static final String MODALITIES = "modalities";

    @Override
    public NDList processInput(TranslatorContext context, NormalisedCrop crop) {
        context.setAttachment(MODALITIES, crop.modalities());
        return CropArrays.ofCrop(context.getNDManager(), crop);
    }

    @Override
    @SuppressWarnings("unchecked")
    public CropSegmentation processOutput(TranslatorContext context, NDList arrays) {
        return CropArrays.toSegmentation(arrays, (List<String>) context.getAttachment(MODALITIES));
    }
}
