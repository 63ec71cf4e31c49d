package io.cloe.worker.admin;

import io.cloe.schemas.QaFeedback;
import io.cloe.worker.config.AdminSettings;
import io.cloe.worker.masks.MaskStoreException;
import io.cloe.worker.review.StudyCatalogue;
import io.cloe.worker.volume.FileVolumeSource;
import io.cloe.worker.volume.NiftiReader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;

/** An admin server over a catalogue that a test fills. */
final class RunningAdmin implements AutoCloseable {

    final StudyCatalogue catalogue = new StudyCatalogue(20_000);
    final List<QaFeedback> feedback = new CopyOnWriteArrayList<>();
    final AtomicBoolean live = new AtomicBoolean(true);
    final AtomicBoolean ready = new AtomicBoolean(true);
    final AtomicBoolean kafkaDown = new AtomicBoolean();
    private final AdminService service;
    private final HttpClient client = HttpClient.newHttpClient();

    RunningAdmin(Optional<String> token, Path... roots) throws Exception {
        service = AdminService.serve(
                new AdminSettings(InetAddress.getLoopbackAddress(), 0, token, 20_000),
                new Health(live::get, ready::get),
                catalogue,
                new FileVolumeSource(List.of(roots), new NiftiReader(64 << 20)),
                RunningAdmin::readMask,
                this::send);
    }

    private static byte[] readMask(URI location) throws MaskStoreException {
        try {
            return Files.readAllBytes(Path.of(location));
        } catch (IOException e) {
            return new byte[] {1, 2, 3};
        }
    }

    private void send(QaFeedback given) throws IOException {
        if (kafkaDown.get()) {
            throw new IOException("no broker");
        }
        feedback.add(given);
    }

    URI address() {
        return service.address().orElseThrow();
    }

    HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create(address() + path)).timeout(Duration.ofSeconds(20));
    }

    HttpResponse<byte[]> send(HttpRequest.Builder request) throws IOException, InterruptedException {
        return client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
    }

    HttpResponse<byte[]> get(String path) throws IOException, InterruptedException {
        return send(request(path));
    }

    String text(String path) throws IOException, InterruptedException {
        return new String(get(path).body(), java.nio.charset.StandardCharsets.UTF_8);
    }

    HttpRequest.Builder post(String path, String json) {
        return request(path).header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString(json));
    }

    @Override
    public void close() {
        service.close();
    }
}
