package io.cloe.worker.inference;

import ai.djl.engine.Engine;
import ai.onnxruntime.OrtEnvironment;

/** The one ONNX Runtime environment of the process; never closed. Any thread. */
final class OnnxRuntime {

    private static final String DJL_ENGINE = "OnnxRuntime";

    private OnnxRuntime() {}

    static OrtEnvironment environment() {
        return Holder.ENVIRONMENT;
    }

    private static final class Holder {
        static final OrtEnvironment ENVIRONMENT = create();

        private static OrtEnvironment create() {
            // DJL makes the environment with thread options, which ONNX Runtime refuses once an environment exists. So
            // DJL goes first.
            if (isPresent("ai.djl.engine.Engine") && isPresent("ai.djl.onnxruntime.engine.OrtEngine")) {
                Djl.initialise();
            }
            return OrtEnvironment.getEnvironment();
        }
    }

    /** Apart, so that this file's other classes load without DJL. */
    private static final class Djl {
        static void initialise() {
            Engine.getEngine(DJL_ENGINE);
        }
    }

    private static boolean isPresent(String className) {
        try {
            Class.forName(className, false, OnnxRuntime.class.getClassLoader());
            return true;
        } catch (ClassNotFoundException absent) {
            return false;
        }
    }
}
