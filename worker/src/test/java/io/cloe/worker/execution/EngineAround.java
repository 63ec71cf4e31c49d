package io.cloe.worker.execution;

import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.inference.CropSegmentation;
import io.cloe.worker.inference.EngineException;
import io.cloe.worker.inference.InferenceControl;
import io.cloe.worker.inference.StudyEngine;
import io.cloe.worker.volume.NormalisedCrop;
import java.time.Duration;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/** A real engine that does something of a test's own before each study. */
class EngineAround implements StudyEngine {

    private final StudyEngine real;
    private final Consumer<InferenceControl> first;

    EngineAround(StudyEngine real, Consumer<InferenceControl> first) {
        this.real = real;
        this.first = first;
    }

    /** Puts this around an engine. */
    static UnaryOperator<StudyEngine> doingFirst(Consumer<InferenceControl> first) {
        return real -> new EngineAround(real, first);
    }

    @Override
    public CropSegmentation infer(NormalisedCrop crop, InferenceControl control) throws EngineException {
        first.accept(control);
        return real.infer(crop, control);
    }

    @Override
    public ModelBundle bundle() {
        return real.bundle();
    }

    @Override
    public String deviceName() {
        return real.deviceName();
    }

    @Override
    public long bytesNeeded(int depth, int height, int width) {
        return real.bytesNeeded(depth, height, width);
    }

    @Override
    public void closeSessionsIdleFor(Duration idle) throws EngineException {
        real.closeSessionsIdleFor(idle);
    }

    @Override
    public void close() throws EngineException {
        real.close();
    }
}
