package io.cloe.worker.execution;

import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.inference.StudyEngine;
import java.util.List;

/**
 * A model with an engine on every device.
 *
 * @param bundle the model
 * @param engines one per device, in the same order for every model of an executor; at least one. Each is used by its device's thread alone
 */
public record ModelEngines(ModelBundle bundle, List<StudyEngine> engines) {

    public ModelEngines {
        engines = List.copyOf(engines);
        if (engines.isEmpty()) {
            throw new IllegalArgumentException("a model has an engine on at least one device");
        }
    }
}
