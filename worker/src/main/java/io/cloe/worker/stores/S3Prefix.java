package io.cloe.worker.stores;

import java.net.URI;
import java.net.URISyntaxException;

/**
 * A place in an object store: all objects of a bucket whose keys start alike.
 *
 * @param bucket the bucket
 * @param prefix what keys start with, ending with a slash; empty for the whole bucket
 */
public record S3Prefix(String bucket, String prefix) {

    static final String SCHEME = "s3";

    /**
     * Reads {@code s3://BUCKET} or {@code s3://BUCKET/PREFIX}; the prefix is taken for a folder, with or without a slash at its end.
     *
     * @throws IllegalArgumentException if it is anything else
     */
    public static S3Prefix parse(String text) {
        Location location = Location.parse(text);
        boolean bucket = location.authority().matches("[A-Za-z0-9._-]+");
        if (!location.scheme().equals(SCHEME) || !bucket || location.query().isPresent()) {
            throw new IllegalArgumentException("not of the form s3://BUCKET/PREFIX");
        }
        String key = location.key();
        return new S3Prefix(location.authority(), key.isEmpty() || key.endsWith("/") ? key : key + "/");
    }

    /** Whether a text names a place in an object store, well spelled or not. */
    static boolean claims(String text) {
        return text.regionMatches(true, 0, SCHEME + ":", 0, SCHEME.length() + 1);
    }

    boolean contains(Location location) {
        return location.scheme().equals(SCHEME)
                && location.query().isEmpty()
                && location.authority().equals(bucket)
                && location.key().startsWith(prefix)
                && location.key().length() > prefix.length();
    }

    /** The URI of an object below this place. */
    URI uri(String name) {
        try {
            return new URI(SCHEME, bucket, "/" + prefix + name, null, null);
        } catch (URISyntaxException e) {
            throw new IllegalStateException("a bucket and a path make a URI");
        }
    }
}
