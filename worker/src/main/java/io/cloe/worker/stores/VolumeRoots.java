package io.cloe.worker.stores;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The places below which volumes may be read; nothing else is ever opened.
 *
 * @param folders absolute folders
 * @param buckets places in an object store
 * @param servers places on web servers
 */
public record VolumeRoots(List<Path> folders, List<S3Prefix> buckets, List<HttpPrefix> servers) {

    /** How a root is spelled. */
    public static final String ALLOWED = "an absolute path, s3://BUCKET/PREFIX or https://HOST/PATH";

    /** Copies the lists. */
    public VolumeRoots {
        folders = List.copyOf(folders);
        buckets = List.copyOf(buckets);
        servers = List.copyOf(servers);
    }

    /**
     * Sorts roots by where they are.
     *
     * @throws IllegalArgumentException if one is not as {@link #ALLOWED} says
     */
    public static VolumeRoots parse(List<String> roots) {
        List<Path> folders = new ArrayList<>();
        List<S3Prefix> buckets = new ArrayList<>();
        List<HttpPrefix> servers = new ArrayList<>();
        for (String root : roots) {
            if (S3Prefix.claims(root)) {
                buckets.add(S3Prefix.parse(root));
            } else if (HttpPrefix.claims(root)) {
                servers.add(HttpPrefix.parse(root));
            } else {
                folders.add(absolute(root));
            }
        }
        return new VolumeRoots(folders, buckets, servers);
    }

    static Path absolute(String text) {
        Path path = Path.of(text);
        if (!path.isAbsolute()) {
            throw new IllegalArgumentException("not absolute");
        }
        return path;
    }
}
