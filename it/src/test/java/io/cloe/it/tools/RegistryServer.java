package io.cloe.it.tools;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.List;

/** An Apicurio Registry in a process of its own, which keeps its schemas in memory. */
public final class RegistryServer implements AutoCloseable {

    private final JavaProcess process;
    private final URI url;
    private final HttpClient http = HttpClient.newHttpClient();

    private RegistryServer(JavaProcess process, URI url) {
        this.process = process;
        this.url = url;
    }

    /** Starts one and waits until it answers. */
    public static RegistryServer start(Path folder) {
        int port = FreePorts.next();
        List<String> options = List.of(
                "-Xmx512m",
                "-XX:TieredStopAtLevel=1",
                "-Dquarkus.http.host=127.0.0.1",
                "-Dquarkus.http.port=" + port,
                "-jar");
        JavaProcess process =
                JavaProcess.start(folder, "registry", options, System.getProperty("cloe.apicurio"), List.of());
        RegistryServer server =
                new RegistryServer(process, URI.create("http://127.0.0.1:" + port + "/apis/ccompat/v7"));
        Waiting.until("the schema registry answers").ignoreExceptions().until(() -> server.get("/subjects")
                .startsWith("["));
        return server;
    }

    /** Where it speaks Confluent's dialect. */
    public URI url() {
        return url;
    }

    /** The answer to a GET. */
    public String get(String path) throws IOException, InterruptedException {
        return send(HttpRequest.newBuilder(URI.create(url + path)));
    }

    /** The answer to another request with a JSON body. */
    public String send(String method, String path, String body) throws IOException, InterruptedException {
        return send(HttpRequest.newBuilder(URI.create(url + path))
                .header("Content-Type", "application/vnd.schemaregistry.v1+json")
                .method(method, HttpRequest.BodyPublishers.ofString(body)));
    }

    private String send(HttpRequest.Builder request) throws IOException, InterruptedException {
        HttpResponse<String> response = http.send(request.build(), HttpResponse.BodyHandlers.ofString());
        if (response.statusCode() / 100 != 2) {
            throw new IOException("status " + response.statusCode() + " " + response.body());
        }
        return response.body();
    }

    @Override
    public void close() {
        process.close();
    }
}
