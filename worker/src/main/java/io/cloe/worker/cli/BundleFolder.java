package io.cloe.worker.cli;

import io.cloe.worker.stores.ModelPlace;
import java.nio.file.Path;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Takes a bundle's folder; only workers read bundles in object stores. */
final class BundleFolder implements ITypeConverter<Path> {

    @Override
    public Path convert(String text) {
        try {
            return ModelPlace.parse(text)
                    .folder()
                    .orElseThrow(
                            () -> new TypeConversionException(
                                    "'" + text
                                            + "' is in an object store; allowed: a folder on this machine (workers check what they fetch)"));
        } catch (IllegalArgumentException e) {
            throw new TypeConversionException("'" + text + "' is not a folder on this machine");
        }
    }
}
