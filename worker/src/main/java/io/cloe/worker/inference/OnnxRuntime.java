package io.cloe.worker.inference;

import ai.djl.engine.Engine;
import ai.onnxruntime.OrtEnvironment;
import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.file.Path;
import org.apache.commons.io.FileUtils;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The one ONNX Runtime environment of the process; never closed. Any thread. */
final class OnnxRuntime {

    private static final Logger LOG = LoggerFactory.getLogger(OnnxRuntime.class);
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
            OrtEnvironment environment = OrtEnvironment.getEnvironment();
            removeLibrariesAtExit();
            return environment;
        }
    }

    /**
     * ONNX Runtime unpacks its libraries into a temporary folder and asks for the folder's deletion after that of the files in it. The
     * virtual machine deletes in the opposite order, so that every process would leave an empty folder behind. Nothing public tells
     * where it is.
     */
    private static void removeLibrariesAtExit() {
        try {
            Field field = Class.forName("ai.onnxruntime.OnnxRuntime").getDeclaredField("tempDirectory");
            field.setAccessible(true);
            if (field.get(null) instanceof Path folder) {
                Runtime.getRuntime().addShutdownHook(new Thread(() -> remove(folder), "cloe-libraries"));
            }
        } catch (ReflectiveOperationException | RuntimeException e) {
            LOG.debug("ONNX Runtime's folder of libraries is not known and stays behind, empty", e);
        }
    }

    private static void remove(Path folder) {
        try {
            FileUtils.deleteDirectory(folder.toFile());
        } catch (IOException e) {
            LOG.debug("ONNX Runtime's folder of libraries stays behind", e);
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
