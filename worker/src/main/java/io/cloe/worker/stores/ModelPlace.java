package io.cloe.worker.stores;

import java.nio.file.Path;
import java.util.Optional;

/**
 * Where bundles lie that are loaded when they are asked for: exactly one of the two.
 *
 * @param folder a folder
 * @param bucket a place in an object store
 */
public record ModelPlace(Optional<Path> folder, Optional<S3Prefix> bucket) {

    /** How it is spelled. */
    public static final String ALLOWED = "a path or s3://BUCKET/PREFIX";

    /**
     * Reads a place.
     *
     * @throws IllegalArgumentException if it is not as {@link #ALLOWED} says
     */
    public static ModelPlace parse(String text) {
        return S3Prefix.claims(text)
                ? new ModelPlace(Optional.empty(), Optional.of(S3Prefix.parse(text)))
                : new ModelPlace(Optional.of(Path.of(text)), Optional.empty());
    }
}
