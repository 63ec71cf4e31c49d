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
        private static final String OPT_OUT = "OPT_OUT_TRACKING";

        static void initialise() {
            // DJL reports its engine's start to its makers when it finds itself in a cloud, and looks for one over the
            // network. A
            // hospital's worker does neither, unless its operator has said otherwise.
            if (System.getenv(OPT_OUT) == null && System.getProperty(OPT_OUT) == null) {
                System.setProperty(OPT_OUT, "true");
            }
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
