package io.cloe.worker.admin;

import io.cloe.worker.admin.HttpProblem.Code;
import io.cloe.worker.config.AdminSettings;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Between Jetty and the routes: who may ask, what every answer carries, and that nothing thrown gets further. */
final class AdminHandler extends Handler.Abstract {

    private static final Logger LOG = LoggerFactory.getLogger(AdminHandler.class);

    /**
     * The page loads nothing from anywhere else and runs no text as code, so that what a record says cannot act. Images come as blobs,
     * since a plain image request carries no token; {@code data:} is how the viewer brings its font.
     */
    static final String CONTENT_SECURITY_POLICY = "default-src 'none'; script-src 'self'; style-src 'self';"
            + " img-src 'self' blob: data:; font-src 'self' data:; connect-src 'self' blob: data:; worker-src 'self' blob:;"
            + " base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private static final Set<String> LOOPBACK_NAMES = Set.of("localhost", "127.0.0.1", "::1", "[::1]");
    private static final String EVENTS = "/events";

    private final AdminRoutes routes;
    private final StudyEvents events;
    private final Optional<byte[]> tokenDigest;

    AdminHandler(AdminRoutes routes, StudyEvents events, AdminSettings settings) {
        this.routes = routes;
        this.events = events;
        this.tokenDigest = settings.token().map(AdminHandler::digest);
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) {
        HttpReply reply;
        try {
            HttpCall call = HttpCall.of(
                    request.getMethod(),
                    request.getHttpURI().getPath(),
                    request.getHttpURI().getQuery(),
                    request.getHeaders().get(HttpHeader.ACCEPT),
                    () -> Content.Source.asInputStream(request));
            authorise(request, call);
            if (call.method().equals("GET") && request.getHttpURI().getPath().equals(EVENTS)) {
                events.open(response, callback);
                return true;
            }
            reply = routes.answer(call);
        } catch (HttpProblem e) {
            reply = HttpReply.of(e);
        } catch (RuntimeException e) {
            // The message may quote what was sent; the places in the code do not.
            LOG.error("a request failed: {} at {}", e.getClass().getSimpleName(), e.getStackTrace()[0]);
            reply = HttpReply.of(new HttpProblem(500, Code.INTERNAL, "the worker could not answer; see its log"));
        }
        write(reply, response, callback);
        return true;
    }

    private void authorise(Request request, HttpCall call) throws HttpProblem {
        HttpFields headers = request.getHeaders();
        if (tokenDigest.isEmpty()) {
            requireLoopbackName(request);
        } else if (!AdminRoutes.isOpen(call) && !carriesToken(headers)) {
            throw new HttpProblem(
                    401, Code.UNAUTHORIZED, "send the worker's admin.token as 'Authorization: Bearer ...'");
        }
        if (call.method().equals("POST")) {
            requireOwnPage(headers);
        }
    }

    /** Without a token, a foreign page whose name was made to mean this machine could ask through somebody's browser. */
    private static void requireLoopbackName(Request request) throws HttpProblem {
        String host = Request.getServerName(request);
        if (host == null || !LOOPBACK_NAMES.contains(host.toLowerCase(Locale.ROOT))) {
            throw new HttpProblem(
                    403,
                    Code.FORBIDDEN_HOST,
                    "without admin.token this worker answers to localhost and 127.0.0.1 only");
        }
    }

    /** A foreign page cannot send JSON without asking first, and is told no; browsers also say where a request comes from. */
    private static void requireOwnPage(HttpFields headers) throws HttpProblem {
        String type = headers.get(HttpHeader.CONTENT_TYPE);
        if (type == null || !type.toLowerCase(Locale.ROOT).startsWith("application/json")) {
            throw new HttpProblem(415, Code.UNSUPPORTED_MEDIA_TYPE, "send application/json");
        }
        String site = headers.get("Sec-Fetch-Site");
        if (site != null && !Set.of("same-origin", "none").contains(site)) {
            throw new HttpProblem(
                    403, Code.FORBIDDEN_ORIGIN, "only the worker's own page may send this from a browser");
        }
    }

    private boolean carriesToken(HttpFields headers) {
        String authorization = headers.get(HttpHeader.AUTHORIZATION);
        String prefix = "Bearer ";
        return authorization != null
                && authorization.regionMatches(true, 0, prefix, 0, prefix.length())
                // Digests have one length, so that the time tells nothing of the token's.
                && MessageDigest.isEqual(
                        digest(authorization.substring(prefix.length()).strip()), tokenDigest.orElseThrow());
    }

    private static byte[] digest(String token) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(token.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java runtime has SHA-256", e);
        }
    }

    static void putSecurityHeaders(HttpFields.Mutable headers) {
        headers.put("Content-Security-Policy", CONTENT_SECURITY_POLICY);
        headers.put("X-Content-Type-Options", "nosniff");
        headers.put("Referrer-Policy", "no-referrer");
        headers.put("Cross-Origin-Resource-Policy", "same-origin");
        headers.put("Cross-Origin-Opener-Policy", "same-origin");
    }

    private static void write(HttpReply reply, Response response, Callback callback) {
        response.setStatus(reply.status());
        HttpFields.Mutable headers = response.getHeaders();
        putSecurityHeaders(headers);
        headers.put(HttpHeader.CONTENT_TYPE, reply.contentType());
        headers.put(HttpHeader.CACHE_CONTROL, reply.cacheable() ? "private, max-age=300" : "no-store");
        headers.put(new HttpField(HttpHeader.CONTENT_LENGTH, String.valueOf(reply.body().length)));
        if (reply.status() == 401) {
            headers.put(HttpHeader.WWW_AUTHENTICATE, "Bearer");
        }
        response.write(true, ByteBuffer.wrap(reply.body()), callback);
    }
}
