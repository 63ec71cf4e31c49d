package io.cloe.worker.execution;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.worker.bundle.BundleException;
import io.cloe.worker.bundle.BundleFixture;
import io.cloe.worker.bundle.BundleReader;
import io.cloe.worker.bundle.ModelBundle;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Other models of the tiny bundle's family. */
final class TinyBundles {

    private TinyBundles() {}

    /** The tiny bundle under another version, in a folder of the test's own. */
    static ModelBundle withVersion(Path folder, String version) {
        try {
            Path copy = BundleFixture.copy(BundleFixture.tiny(), Files.createDirectories(folder));
            ObjectNode manifest = BundleFixture.manifest(copy);
            manifest.put("version", version);
            BundleFixture.JSON.writeValue(copy.resolve("manifest.json").toFile(), manifest);
            return BundleReader.open(copy);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (BundleException e) {
            throw new IllegalStateException(e);
        }
    }
}
