package io.cloe.worker.stores;

import java.nio.file.Path;
import java.util.Optional;

/**
 * Where masks are written to: exactly one of the two.
 *
 * @param folder an absolute folder
 * @param bucket a place in an object store
 */
public record MaskPlace(Optional<Path> folder, Optional<S3Prefix> bucket) {

    /** How it is spelled. */
    public static final String ALLOWED = "an absolute path or s3://BUCKET/PREFIX";

    /**
     * Reads a place.
     *
     * @throws IllegalArgumentException if it is not as {@link #ALLOWED} says
     */
    public static MaskPlace parse(String text) {
        return S3Prefix.claims(text)
                ? new MaskPlace(Optional.empty(), Optional.of(S3Prefix.parse(text)))
                : new MaskPlace(Optional.of(VolumeRoots.absolute(text)), Optional.empty());
    }

    /** As it is spelled in the settings. */
    @Override
    public String toString() {
        return folder.map(Path::toString)
                .orElseGet(() -> bucket.orElseThrow().uri("").toString());
    }
}
