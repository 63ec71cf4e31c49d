package io.cloe.worker.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.worker.RecordedLog;
import io.cloe.worker.review.Studies;
import java.io.InputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Random requests: each a typed refusal or an answer, never an error of the worker's own, and it goes on afterwards. */
class AdminFuzzTest {

    private static final int REQUESTS = 2_000;
    private static final long SEED = 1;
    private static final List<String> WORDS = List.of(
            "studies",
            "study",
            "scans",
            "revisions",
            "0",
            "1",
            "-1",
            "99999999999",
            "slices",
            "axial",
            "view",
            "mask",
            "volume",
            "feedback",
            "events",
            "health",
            "live",
            "metrics",
            "page",
            "index.html",
            "..",
            ".",
            "",
            "%00",
            "%2e%2e",
            "%2F",
            "%",
            "%zz",
            "%ff%fe",
            "\u00fc",
            ";a=b",
            "//",
            "study%2FT1",
            "?",
            "limit=5",
            "&",
            "offset",
            "=",
            "look=FAILED",
            "phase",
            "#",
            " ",
            "\u0000",
            "\t",
            "http://x/",
            "*");
    private static final List<String> METHODS = List.of(
            "GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", "X\u0001");
    private static final List<String> HEADERS = List.of(
            "Content-Length: 5",
            "Content-Length: -1",
            "Content-Length: 99999999999999999999",
            "Transfer-Encoding: chunked",
            "Content-Type: application/json",
            "Authorization: Bearer x",
            "Accept: \u00ff",
            "Host: localhost",
            "Host:",
            ": empty",
            "X: " + "y".repeat(9_000),
            "Expect: 100-continue",
            "Upgrade: h2c",
            "Sec-Fetch-Site: none");

    @Test
    void shouldStayWellWhenRequestsAreRandom() throws Exception {
        Random random = new Random(SEED);
        try (RunningAdmin admin = new RunningAdmin(Optional.empty());
                RecordedLog log = new RecordedLog()) {
            admin.catalogue.accept(Studies.segmentation("study", 0, List.of("T1")));
            for (int i = 0; i < REQUESTS; i++) {
                String request = request(random);
                String answer = answer(admin, request);
                assertThat(answer)
                        .as("seed %d, request %d: %s", SEED, i, request)
                        .matches("(?s)|HTTP/1\\.1 (100 |200|201|4\\d\\d|501|505).*");
            }
            assertThat(admin.get("health/live").statusCode()).isEqualTo(200);
            assertThat(log.text()).doesNotContain("a request failed");
        }
    }

    private static String request(Random random) {
        StringBuilder request = new StringBuilder(pick(METHODS, random)).append(" /");
        for (int words = random.nextInt(8); words > 0; words--) {
            request.append(pick(WORDS, random));
            if (random.nextBoolean()) {
                request.append('/');
            }
        }
        request.append(random.nextInt(20) == 0 ? " HTTP/9.9" : " HTTP/1.1").append("\r\nConnection: close\r\n");
        if (random.nextInt(10) > 0) {
            request.append("Host: localhost\r\n");
        }
        for (int headers = random.nextInt(3); headers > 0; headers--) {
            request.append(pick(HEADERS, random)).append("\r\n");
        }
        return request.append("\r\n{\"verdict\":").toString();
    }

    private static String pick(List<String> from, Random random) {
        return from.get(random.nextInt(from.size()));
    }

    /** The first bytes of the answer; nothing if the server waits for the rest of a body, or closes without a word. */
    private static String answer(RunningAdmin admin, String request) throws Exception {
        try (Socket socket =
                new Socket(admin.address().getHost(), admin.address().getPort())) {
            socket.setSoTimeout(5_000);
            socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
            socket.shutdownOutput();
            InputStream in = socket.getInputStream();
            return new String(in.readNBytes(12), StandardCharsets.ISO_8859_1);
        } catch (SocketTimeoutException e) {
            return "timed out";
        } catch (java.net.SocketException e) {
            return ""; // reset while the rest was sent: the server had refused by then
        }
    }
}
