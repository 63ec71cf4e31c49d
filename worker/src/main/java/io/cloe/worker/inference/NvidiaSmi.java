package io.cloe.worker.inference;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** Asks NVIDIA's own tool about the first GPU, where the tool is there. */
final class NvidiaSmi {

    private NvidiaSmi() {}

    static Optional<String> query(String what) throws InterruptedException {
        try {
            Process process = new ProcessBuilder("nvidia-smi", "--query-gpu=" + what, "--format=csv,noheader")
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            String answer = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (!process.waitFor(10, TimeUnit.SECONDS) || process.exitValue() != 0) {
                process.destroyForcibly();
                return Optional.empty();
            }
            return answer.lines().findFirst().map(String::strip);
        } catch (IOException e) {
            return Optional.empty(); // no such tool
        }
    }
}
