package io.cloe.worker.admin;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** The page's own files, which the build puts beside this class. Names are looked up in a list, never in a file system. */
final class PageFiles {

    private static final Map<String, String> TYPES = Map.of(
            "html", "text/html; charset=utf-8",
            "js", "text/javascript; charset=utf-8",
            "css", "text/css; charset=utf-8",
            "svg", "image/svg+xml",
            "txt", "text/plain; charset=utf-8");
    private static final String NOT_BUILT = "This worker was built without its page (no Node.js, or -Dpage.skip)."
            + " /studies, /metrics and /health are here.\n";

    private final Map<String, byte[]> loaded = new ConcurrentHashMap<>();

    HttpReply answer(List<String> path) throws HttpProblem {
        if (path.size() == 1 && path.get(0).isEmpty()) {
            Optional<byte[]> index = load("index.html");
            return index.isPresent()
                    ? file("index.html", index.get())
                    : HttpReply.bytes(TYPES.get("txt"), NOT_BUILT.getBytes(java.nio.charset.StandardCharsets.UTF_8));
        }
        if (path.size() != 2 || !path.get(0).equals("page")) {
            throw HttpProblem.notFound();
        }
        return file(path.get(1), load(path.get(1)).orElseThrow(HttpProblem::notFound));
    }

    private static HttpReply file(String name, byte[] bytes) throws HttpProblem {
        String type = TYPES.get(name.substring(name.lastIndexOf('.') + 1));
        if (type == null) {
            throw HttpProblem.notFound();
        }
        return new HttpReply(200, type, bytes, true);
    }

    private Optional<byte[]> load(String name) {
        if (!name.matches("[A-Za-z0-9_-]{1,64}\\.[a-z]{2,4}")) {
            return Optional.empty();
        }
        byte[] known = loaded.get(name);
        if (known != null) {
            return Optional.of(known);
        }
        try (InputStream in = PageFiles.class.getResourceAsStream("page/" + name)) {
            if (in == null) {
                return Optional.empty();
            }
            byte[] bytes = in.readAllBytes();
            loaded.put(name, bytes);
            return Optional.of(bytes);
        } catch (IOException e) {
            throw new UncheckedIOException("a file of the page cannot be read", e);
        }
    }
}
