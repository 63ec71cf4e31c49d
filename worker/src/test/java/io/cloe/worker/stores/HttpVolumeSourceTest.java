package io.cloe.worker.stores;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import io.cloe.schemas.FailureReason;
import io.cloe.schemas.VolumeReference;
import io.cloe.worker.volume.LoadedVolume;
import io.cloe.worker.volume.NiftiBytes;
import io.cloe.worker.volume.NiftiReader;
import io.cloe.worker.volume.Sha256;
import io.cloe.worker.volume.VolumeException;
import io.cloe.worker.volume.VolumeReading;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Volumes from a real web server, well behaved or not. */
class HttpVolumeSourceTest {

    private static final String SECRET = "signature-4711";

    private final Map<String, String> asked = new ConcurrentHashMap<>();
    private final byte[] file = file();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
    private HttpServer server;
    private HttpVolumeSource source;

    @BeforeEach
    void serve() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/files/t1", exchange -> send(exchange, 200, file.length, file));
        server.start();
        source = source(Duration.ofSeconds(20), 1_000);
    }

    @AfterEach
    void stop() {
        server.stop(0);
        threads.shutdownNow();
    }

    private static byte[] file() {
        return NiftiBytes.standard().dims(2, 1, 1).type(16, 32).floats(3, 4).gzip();
    }

    private HttpVolumeSource source(Duration timeout, int maxVoxels) {
        return new HttpVolumeSource(
                List.of(HttpPrefix.parse(origin() + "/files")),
                timeout,
                new VolumeReading(new NiftiReader(maxVoxels)),
                meters);
    }

    private String origin() {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    private VolumeReference at(String path) {
        return new VolumeReference(origin() + path, "nifti", null, null);
    }

    private void send(HttpExchange exchange, int status, long announced, byte[] body) throws IOException {
        asked.put(
                exchange.getRequestURI().getPath(),
                String.valueOf(exchange.getRequestURI().getRawQuery()));
        exchange.sendResponseHeaders(status, announced);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    private void answer(String path, HttpHandler handler) {
        server.createContext(path, handler);
    }

    private VolumeException refusal(VolumeReference reference) {
        VolumeException refusal = catchThrowableOfType(VolumeException.class, () -> source.load(reference));
        assertThat(refusal).as("refusal").isNotNull().hasNoCause();
        assertThat(refusal.toString()).doesNotContain(SECRET, "127.0.0.1", "/files");
        return refusal;
    }

    private void refused(VolumeReference reference, FailureReason reason, boolean retriable) {
        VolumeException refusal = refusal(reference);
        assertThat(refusal.reason()).as(refusal.getMessage()).isEqualTo(reason);
        assertThat(refusal.retriable()).as(refusal.getMessage()).isEqualTo(retriable);
    }

    @Test
    void shouldLoadAVolumeWhenItsUrlIsSigned() throws Exception {
        String uri = origin() + "/files/t1?X-Amz-Signature=" + SECRET + "%2F";

        LoadedVolume volume = source.load(new VolumeReference(uri, "nifti", (long) file.length, Sha256.of(file)));

        assertThat(volume.volume().voxels()).containsExactly(3, 4);
        assertThat(volume.sha256()).isEqualTo(Sha256.of(file));
        assertThat(asked).containsEntry("/files/t1", "X-Amz-Signature=" + SECRET + "%2F");
        assertThat(meters.find("cloe.store.call")
                        .tags("store", "http", "outcome", "ok")
                        .timer())
                .isNotNull();
    }

    @Test
    void shouldTellTheGridWhenTheServerSendsOnlyTheBeginning() throws Exception {
        assertThat(source.grid(at("/files/t1")))
                .hasValueSatisfying(grid -> assertThat(grid.voxels()).isEqualTo(2));
    }

    @Test
    void shouldRefuseWhenTheBytesAreNotTheOnesAnnounced() {
        refused(
                new VolumeReference(origin() + "/files/t1", "nifti", null, "ab".repeat(32)),
                FailureReason.CHECKSUM_MISMATCH,
                false);
        refused(new VolumeReference(origin() + "/files/t1", "nifti", 1L, null), FailureReason.CHECKSUM_MISMATCH, false);
    }

    @Test
    void shouldNotAskTheServerWhenTheLocationIsOutsideTheRoots() {
        refused(at("/elsewhere/t1?" + SECRET), FailureReason.VOLUME_FORBIDDEN, false);
        refused(at("/files/../files/t1?" + SECRET), FailureReason.VOLUME_FORBIDDEN, false);
        refused(
                new VolumeReference("http://localhost:1/files/t1?" + SECRET, "nifti", null, null),
                FailureReason.VOLUME_FORBIDDEN,
                false);
        assertThat(asked).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "401, VOLUME_FORBIDDEN, false",
        "403, VOLUME_FORBIDDEN, false",
        "404, VOLUME_NOT_FOUND, true",
        "410, VOLUME_NOT_FOUND, false",
        "400, VOLUME_IO, false",
        "408, VOLUME_IO, true",
        "429, VOLUME_IO, true",
        "500, VOLUME_IO, true",
        "503, VOLUME_IO, true"
    })
    void shouldSayWhetherAnotherAttemptHelpsWhenTheServerRefuses(int status, FailureReason reason, boolean retriable) {
        answer("/files/refused", exchange -> send(exchange, status, 4, "text".getBytes()));

        refused(at("/files/refused?" + SECRET), reason, retriable);
    }

    @Test
    void shouldFollowARedirectWhenItsTargetIsBelowARoot() throws Exception {
        answer("/files/moved", exchange -> {
            exchange.getResponseHeaders().set("Location", "t1?" + SECRET);
            send(exchange, 302, 1, new byte[1]);
        });

        assertThat(source.load(at("/files/moved")).volume().voxels()).containsExactly(3, 4);
        assertThat(asked).containsEntry("/files/t1", SECRET);
    }

    @ParameterizedTest
    @CsvSource({
        "http://169.254.169.254/latest/meta-data",
        "/elsewhere/t1",
        "//127.0.0.1:1/files/t1",
        "file:///etc/passwd",
        "/files/%2e%2e/elsewhere/t1",
        "not a uri"
    })
    void shouldNotFollowARedirectWhenItLeavesTheRoots(String target) {
        answer("/elsewhere/t1", exchange -> send(exchange, 200, file.length, file));
        answer("/files/moved", exchange -> {
            exchange.getResponseHeaders().set("Location", target);
            send(exchange, 302, 1, new byte[1]);
        });

        refused(at("/files/moved"), FailureReason.VOLUME_FORBIDDEN, false);
        assertThat(asked).containsOnlyKeys("/files/moved");
    }

    @Test
    void shouldGiveUpWhenRedirectsDoNotEnd() {
        answer("/files/circle", exchange -> {
            exchange.getResponseHeaders().set("Location", "circle");
            send(exchange, 302, 1, new byte[1]);
        });

        refused(at("/files/circle"), FailureReason.VOLUME_IO, false);
    }

    @Test
    void shouldBeRetriableWhenTheConnectionIsCutMidway() {
        answer("/files/cut", exchange -> send(exchange, 200, file.length, Arrays.copyOf(file, 20)));

        refused(at("/files/cut"), FailureReason.VOLUME_IO, true);
    }

    @Test
    void shouldBeRetriableWhenTheServerIsSilent() {
        answer(
                "/files/silent",
                exchange -> LockSupport.parkNanos(Duration.ofMinutes(1).toNanos()));
        source = source(Duration.ofMillis(200), 1_000);

        refused(at("/files/silent"), FailureReason.VOLUME_IO, true);
    }

    @Test
    void shouldBeRetriableWhenTheFileComesByteByByte() {
        answer("/files/slow", exchange -> {
            exchange.sendResponseHeaders(200, file.length);
            for (byte next : file) {
                exchange.getResponseBody().write(next);
                exchange.getResponseBody().flush();
                LockSupport.parkNanos(Duration.ofMillis(50).toNanos());
            }
        });
        source = source(Duration.ofMillis(300), 1_000);

        refused(at("/files/slow"), FailureReason.VOLUME_IO, true);
    }

    @Test
    void shouldBeRetriableWhenNobodyListens() {
        server.stop(0);

        refused(at("/files/t1"), FailureReason.VOLUME_IO, true);
    }

    @Test
    void shouldRefuseBeforeReadingWhenTheFileIsTooLong() {
        answer("/files/long", exchange -> send(exchange, 200, Long.MAX_VALUE, new byte[1_000]));

        refused(at("/files/long"), FailureReason.STUDY_TOO_LARGE, false);
    }

    @Test
    void shouldNeedTheSizeFromTheEventWhenTheServerDoesNotTellIt() throws Exception {
        answer("/files/chunked", exchange -> send(exchange, 200, 0, file));

        refused(at("/files/chunked"), FailureReason.VOLUME_UNSUPPORTED, false);
        VolumeReference told = new VolumeReference(origin() + "/files/chunked", "nifti", (long) file.length, null);
        assertThat(source.load(told).volume().voxels()).containsExactly(3, 4);
    }
}
