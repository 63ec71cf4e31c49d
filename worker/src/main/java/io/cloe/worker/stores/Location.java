package io.cloe.worker.stores;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A location with a host and a path, refused where it is spelled so that it could mean another object than it seems to: no user, no
 * fragment, no dot segments, and no percent codes for dots, separators and control characters.
 *
 * @param scheme lower case
 * @param authority bucket, or host and port, as it is spelled
 * @param rawPath the path with its percent codes, with the first slash
 * @param uri the whole of it
 */
record Location(String scheme, String authority, String rawPath, URI uri) {

    /** Codes for control characters, dot, slash, backslash and delete. */
    private static final Pattern HIDDEN_SYNTAX =
            Pattern.compile("%(?:[01][0-9a-f]|2e|2f|5c|7f)", Pattern.CASE_INSENSITIVE);

    /** @throws IllegalArgumentException with a message that does not quote the location */
    static Location parse(String text) {
        URI uri;
        try {
            uri = new URI(text);
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException("the location is not a URI"); // the exception's message would quote it
        }
        if (uri.getScheme() == null || uri.isOpaque() || uri.getRawAuthority() == null) {
            throw new IllegalArgumentException("the location names no bucket or host");
        }
        if (uri.getRawAuthority().indexOf('@') >= 0 || uri.getRawFragment() != null) {
            throw new IllegalArgumentException("the location holds a user or a fragment");
        }
        String path = uri.getRawPath();
        if (HIDDEN_SYNTAX.matcher(path).find()) {
            throw new IllegalArgumentException("the location hides path syntax behind percent codes");
        }
        for (String segment : path.split("/", -1)) {
            if (segment.equals(".") || segment.equals("..")) {
                throw new IllegalArgumentException("the location holds dot segments");
            }
        }
        return new Location(uri.getScheme().toLowerCase(Locale.ROOT), uri.getRawAuthority(), path, uri);
    }

    /** The path without its first slash, percent codes decoded. */
    String key() {
        String path = uri.getPath();
        return path.isEmpty() ? "" : path.substring(1);
    }

    /** The part behind the question mark. */
    Optional<String> query() {
        return Optional.ofNullable(uri.getRawQuery());
    }

    /** Leaves out the query, which may hold a signature. */
    @Override
    public String toString() {
        return scheme + "://" + authority + rawPath;
    }
}
