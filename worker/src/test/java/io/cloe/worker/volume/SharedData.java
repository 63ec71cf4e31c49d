package io.cloe.worker.volume;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/** The folder of data that stays outside the repository; tests that need it are skipped where it is absent. */
final class SharedData {
    private static final String ABSENT = "skipped: no data folder; set CLOE_DATA or provide ../shared/data";

    private SharedData() {}

    /** A sub-folder of the data; aborts the test as skipped where there is none. */
    static Path folder(String name) {
        Path folder = root().resolve(name);
        Assumptions.assumeTrue(Files.isDirectory(folder), ABSENT);
        return folder;
    }

    private static Path root() {
        String named = System.getenv("CLOE_DATA");
        if (named != null && !named.isBlank()) {
            return Path.of(named);
        }
        for (Path folder = Path.of("").toAbsolutePath(); folder != null; folder = folder.getParent()) {
            if (Files.exists(folder.resolve("pom.xml")) && Files.isDirectory(folder.resolve("model-export"))) {
                return folder.resolveSibling("shared").resolve("data");
            }
        }
        return Path.of("no-repository-root");
    }
}
