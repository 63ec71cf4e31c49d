package io.cloe.it.fuzz;

import io.cloe.it.tools.Repository;
import io.cloe.worker.bundle.BundleException;
import io.cloe.worker.bundle.BundleReader;
import io.cloe.worker.bundle.ModelBundle;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Manifests of model bundles, in a folder with the files of a sound one. */
final class ManifestTarget implements FuzzTarget {

    private final Path bundle;

    ManifestTarget(Path folder) throws IOException {
        this.bundle = folder;
        Path source = Repository.tinyBundle();
        try (Stream<Path> files = Files.walk(source)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Path copy = bundle.resolve(source.relativize(file).toString());
                Files.createDirectories(copy.getParent());
                Files.copy(file, copy);
            }
        }
    }

    @Override
    public String name() {
        return "manifest";
    }

    @Override
    public Outcome feed(byte[] input) throws Exception {
        Files.write(bundle.resolve("manifest.json"), input);
        try {
            ModelBundle opened = BundleReader.open(bundle);
            for (String file : opened.files().listed().keySet()) {
                opened.files().read(file);
            }
            return Outcome.ACCEPTED;
        } catch (BundleException e) {
            return Outcome.REFUSED;
        }
    }

    @Override
    public long allowance(byte[] input) {
        return (8 << 20) + 256L * input.length;
    }
}
