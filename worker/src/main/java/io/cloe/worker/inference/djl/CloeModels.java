package io.cloe.worker.inference.djl;

import ai.djl.Model;
import ai.djl.repository.zoo.ZooModel;
import io.cloe.worker.bundle.BundleException;
import io.cloe.worker.bundle.BundleReader;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.inference.BundleVerifier;
import io.cloe.worker.inference.CropSegmentation;
import io.cloe.worker.inference.EngineException;
import io.cloe.worker.inference.EngineSettings;
import io.cloe.worker.inference.InferenceEngine;
import io.cloe.worker.volume.NormalisedCrop;
import java.nio.file.Path;

/** Opens bundles for DJL. Stateless; any thread. */
public final class CloeModels {

    private CloeModels() {}

    /**
     * Opens, checks and verifies a bundle. The model's predictors share one engine and so belong to one thread; another thread's
     * {@code predict} fails with a {@code TranslateException} whose root cause is an {@link EngineException} of kind
     * {@code WRONG_THREAD}. Closing the model closes the engine.
     *
     * @throws BundleException if the bundle breaks the contract or answers its golden window wrongly
     * @throws EngineException if no device allowed by the settings runs it
     */
    public static ZooModel<NormalisedCrop, CropSegmentation> load(Path bundleFolder, EngineSettings settings)
            throws BundleException, EngineException {
        ModelBundle bundle = BundleReader.open(bundleFolder);
        InferenceEngine engine = BundleVerifier.openVerified(bundle, settings);
        try {
            Model model = Model.newInstance(bundle.identity().id(), "OnnxRuntime");
            model.setBlock(new CloeBlock(engine));
            model.setProperty("family", bundle.identity().family());
            model.setProperty("version", bundle.identity().version());
            model.setProperty("sha256", bundle.identity().digest());
            return new CloeZooModel(model, engine);
        } catch (RuntimeException e) {
            engine.close();
            throw e;
        }
    }

    private static final class CloeZooModel extends ZooModel<NormalisedCrop, CropSegmentation> {
        private final InferenceEngine engine;

        CloeZooModel(Model model, InferenceEngine engine) {
            super(model, new CropTranslator());
            this.engine = engine;
        }

        @Override
        public void close() {
            try {
                engine.close();
            } catch (EngineException e) {
                throw new ai.djl.engine.EngineException(e);
            } finally {
                super.close();
            }
        }
    }
}
