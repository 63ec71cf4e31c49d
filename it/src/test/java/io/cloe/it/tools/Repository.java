package io.cloe.it.tools;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Assumptions;

/** Where things lie in the repository and beside it. */
public final class Repository {

    private static final String NO_DATA = "skipped: no data folder; set CLOE_DATA or provide ../shared/data";
    private static final String NO_PYTHON =
            "skipped: no Python environment; build once without -Dpython.skip, or run model-export/check.sh";

    private Repository() {}

    /** The repository's root: told by the build, or found above the working directory. */
    public static Path root() {
        String told = System.getProperty("cloe.repository");
        if (told != null && isRoot(Path.of(told))) {
            return Path.of(told);
        }
        for (Path folder = Path.of("").toAbsolutePath(); folder != null; folder = folder.getParent()) {
            if (isRoot(folder)) {
                return folder;
            }
        }
        throw new IllegalStateException("not started inside the repository");
    }

    private static boolean isRoot(Path folder) {
        return Files.exists(folder.resolve("pom.xml")) && Files.isDirectory(folder.resolve("model-export"));
    }

    /** The model bundle that the project ships: four modalities, window 64 x 64 x 64. */
    public static Path shippedBundle() {
        return root().resolve("model-export/bundles/cloe-w8-demo");
    }

    /** A bundle with random weights: three modalities (T1, T2, FLAIR), a window of 8 x 16 x 24, milliseconds per study. */
    public static Path tinyBundle() {
        return root().resolve("worker/src/test/resources/bundles/tiny");
    }

    /** The tiny bundle with graphs of some subsets that fail, never end, ask for too much memory or answer what is no number. */
    public static Path treacherousBundle() {
        return root().resolve("it/src/test/resources/bundles/treacherous");
    }

    /** A bundle with random weights of another family: T2 and ADC, a window of 32 voxels. */
    public static Path prostateBundle() {
        return root().resolve("it/src/test/resources/bundles/prostate-untrained");
    }

    /** The folder of generated studies. */
    public static Path phantoms() {
        return root().resolve("deploy/phantoms");
    }

    /** The interpreter of model-export's environment; aborts the test as skipped where it was not built. */
    public static Path python() {
        Path python = root().resolve("model-export/target/venv/bin/python");
        Assumptions.assumeTrue(Files.isExecutable(python), NO_PYTHON);
        return python;
    }

    /** A sub-folder of the data that stays outside the repository; aborts the test as skipped where there is none. */
    public static Path data(String name) {
        Path data = Optional.ofNullable(System.getenv("CLOE_DATA"))
                .filter(named -> !named.isBlank())
                .map(Path::of)
                .orElseGet(() -> root().resolveSibling("shared").resolve("data"));
        Path folder = data.resolve(name);
        Assumptions.assumeTrue(Files.isDirectory(folder), NO_DATA);
        return folder;
    }
}
