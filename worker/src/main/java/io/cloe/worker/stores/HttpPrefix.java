package io.cloe.worker.stores;

import java.util.Locale;

/**
 * A place on a web server: one origin, and what paths start with.
 *
 * @param scheme {@code http} or {@code https}
 * @param host lower case
 * @param port always named
 * @param path starts and ends with a slash
 */
public record HttpPrefix(String scheme, String host, int port, String path) {

    /**
     * Reads {@code https://HOST[:PORT][/PATH]}; the path is taken for a folder.
     *
     * @throws IllegalArgumentException if it is anything else
     */
    public static HttpPrefix parse(String text) {
        Location location = Location.parse(text);
        if (!isHttp(location)
                || location.uri().getHost() == null
                || location.query().isPresent()) {
            throw new IllegalArgumentException("not of the form https://HOST[:PORT]/PATH");
        }
        String path = location.rawPath();
        return new HttpPrefix(
                location.scheme(), host(location), port(location), path.endsWith("/") ? path : path + "/");
    }

    /** Whether a text names a web server, well spelled or not. */
    static boolean claims(String text) {
        return text.regionMatches(true, 0, "http:", 0, 5) || text.regionMatches(true, 0, "https:", 0, 6);
    }

    boolean contains(Location location) {
        return location.scheme().equals(scheme)
                && location.uri().getHost() != null
                && host(location).equals(host)
                && port(location) == port
                && location.rawPath().startsWith(path);
    }

    private static boolean isHttp(Location location) {
        return location.scheme().equals("http") || location.scheme().equals("https");
    }

    private static String host(Location location) {
        return location.uri().getHost().toLowerCase(Locale.ROOT);
    }

    private static int port(Location location) {
        int named = location.uri().getPort();
        return named >= 0 ? named : location.scheme().equals("https") ? 443 : 80;
    }
}
