package io.cloe.worker.inference;

import ai.onnxruntime.OrtException;
import io.cloe.worker.inference.EngineException.Kind;
import java.util.Locale;
import java.util.regex.Pattern;

/** Says what ONNX Runtime complained of, without the paths that its messages hold. */
final class OrtFailure {

    /** Everything up to the last slash of a word; what remains of a path is the file's name. */
    private static final Pattern FOLDERS = Pattern.compile("[^\\s'\"()\\[\\]]*[/\\\\](?=[^\\s/\\\\])");

    private static final int MAX_MESSAGE = 400;

    private OrtFailure() {}

    static EngineException of(String doing, OrtException cause) {
        Kind kind = isOutOfMemory(cause) ? Kind.OUT_OF_MEMORY : Kind.ENGINE_ERROR;
        return new EngineException(kind, doing + ": " + describe(cause), cause);
    }

    static String describe(Throwable cause) {
        String message = cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
        String line = FOLDERS.matcher(message.replaceAll("\\s+", " ")).replaceAll("");
        return line.length() <= MAX_MESSAGE ? line : line.substring(0, MAX_MESSAGE) + "...";
    }

    private static boolean isOutOfMemory(OrtException cause) {
        // ONNX Runtime has no code of its own for this: CPU, CUDA, cuBLAS and cuDNN each say it in their words.
        String message = String.valueOf(cause.getMessage()).toLowerCase(Locale.ROOT);
        return message.contains("bad_alloc")
                || message.contains("bad allocation")
                || message.contains("failed to allocate memory")
                || message.contains("available memory of")
                || message.contains("out of memory")
                || message.contains("out_of_memory")
                || message.contains("alloc_failed");
    }
}
