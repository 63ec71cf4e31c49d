package io.cloe.worker.volume;

import io.cloe.schemas.FailureReason;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.regex.Pattern;

/**
 * Turns a {@code file:} URI into a path, refusing every spelling that could mean another file than it seems to: other
 * schemes, hosts, queries, dot segments, and percent codes for dots, separators and control characters.
 */
final class FileUri {
    /** Codes for control characters, dot, slash, backslash and delete. */
    private static final Pattern HIDDEN_SYNTAX =
            Pattern.compile("%(?:[01][0-9a-f]|2e|2f|5c|7f)", Pattern.CASE_INSENSITIVE);

    private FileUri() {}

    /** @throws VolumeException VOLUME_FORBIDDEN if it is anything but a plain absolute file URI */
    static Path toPath(String text) throws VolumeException {
        URI uri;
        try {
            uri = new URI(text);
        } catch (URISyntaxException e) {
            throw forbidden("the location is not a URI"); // the exception's message would quote it
        }
        if (!"file".equalsIgnoreCase(uri.getScheme())) {
            throw forbidden("only file: locations are served");
        }
        if (uri.isOpaque()
                || uri.getRawAuthority() != null
                || uri.getRawQuery() != null
                || uri.getRawFragment() != null) {
            throw forbidden("a file location consists of an absolute path only");
        }
        if (HIDDEN_SYNTAX.matcher(uri.getRawPath()).find()) {
            throw forbidden("the location hides path syntax behind percent codes");
        }
        Path path;
        try {
            path = Path.of(uri.getPath());
        } catch (InvalidPathException e) {
            throw forbidden("the location is not a path"); // as above
        }
        for (Path segment : path) {
            if (segment.toString().equals("..") || segment.toString().equals(".")) {
                throw forbidden("the location holds dot segments");
            }
        }
        return path;
    }

    private static VolumeException forbidden(String message) {
        return VolumeException.permanent(FailureReason.VOLUME_FORBIDDEN, message);
    }
}
