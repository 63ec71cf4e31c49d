package io.cloe.schemas.registry;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** A schema registry that does as it is told; a real one is in the integration tests. */
final class StubRegistry implements AutoCloseable {

    private static final ObjectMapper MAPPER = new ObjectMapper();

    final List<String> requests = new CopyOnWriteArrayList<>();
    final List<String> authorizations = new CopyOnWriteArrayList<>();
    private final HttpServer server;
    private final List<String> schemas = new ArrayList<>();
    private final Map<String, Integer> subjects = new TreeMap<>();
    private volatile int failing;
    private volatile int failingStatus;
    private volatile boolean compatible = true;

    StubRegistry() {
        try {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        server.createContext("/", this::answer);
        server.start();
    }

    URI url() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/registry/");
    }

    /** The next requests are answered with a status. */
    void fail(int requests, int status) {
        failing = requests;
        failingStatus = status;
    }

    void refuseSchemas() {
        compatible = false;
    }

    synchronized int add(String subject, String schema) {
        if (!schemas.contains(schema)) {
            schemas.add(schema);
        }
        int id = 700 + schemas.indexOf(schema);
        subjects.put(subject, id);
        return id;
    }

    private synchronized void answer(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getRawPath().replaceFirst("^/registry", "");
        requests.add(exchange.getRequestMethod() + " " + path);
        authorizations.add(String.valueOf(exchange.getRequestHeaders().getFirst("Authorization")));
        byte[] body = exchange.getRequestBody().readAllBytes();
        if (failing > 0) {
            failing--;
            send(exchange, failingStatus, Map.of("error_code", failingStatus * 100, "message", "told to fail"));
            return;
        }
        String schema =
                body.length == 0 ? "" : MAPPER.readTree(body).path("schema").asText();
        String[] parts = path.split("/");
        if (path.startsWith("/compatibility/")) {
            send(exchange, 200, Map.of("is_compatible", compatible, "messages", List.of("READER_FIELD_MISSING")));
        } else if (path.startsWith("/schemas/ids/")) {
            int index = Integer.parseInt(parts[3]) - 700;
            if (index < 0 || index >= schemas.size()) {
                send(exchange, 404, Map.of("error_code", 40403, "message", "Schema not found"));
            } else {
                send(exchange, 200, Map.of("schema", schemas.get(index)));
            }
        } else if (path.endsWith("/versions")) {
            send(exchange, 200, Map.of("id", add(parts[2], schema)));
        } else {
            Integer id = subjects.get(parts[2]);
            boolean same =
                    id != null && (body.length == 0 || schemas.get(id - 700).equals(schema));
            if (same) {
                send(exchange, 200, Map.of("id", id, "schema", schemas.get(id - 700)));
            } else {
                send(exchange, 404, Map.of("error_code", 40403, "message", "Schema not found"));
            }
        }
    }

    private static void send(HttpExchange exchange, int status, Map<String, ?> answer) throws IOException {
        byte[] bytes = MAPPER.writeValueAsString(answer).getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
        exchange.close();
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
