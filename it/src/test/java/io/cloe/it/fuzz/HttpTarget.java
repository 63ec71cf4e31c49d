package io.cloe.it.fuzz;

import io.cloe.it.tools.Repository;
import io.cloe.worker.admin.AdminWithoutWorker;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Requests to the admin HTTP server, byte by byte as they come over a connection. */
final class HttpTarget implements FuzzTarget {

    private static final int PATIENCE_MS = 5_000;
    private static final Pattern STATUS_LINE = Pattern.compile("HTTP/1\\.1 (\\d{3})[ \\r].*", Pattern.DOTALL);
    private static final int START_OF_ANSWER = 64;
    private static final int CHUNK = 1 << 14;

    private final AdminWithoutWorker admin;

    HttpTarget(Path folder) throws Exception {
        this.admin = AdminWithoutWorker.start(Repository.phantoms());
    }

    @Override
    public String name() {
        return "http";
    }

    @Override
    public Outcome feed(byte[] input) throws Exception {
        URI address = admin.address();
        try (Socket socket = new Socket(address.getHost(), address.getPort())) {
            socket.setSoTimeout(PATIENCE_MS);
            socket.setTcpNoDelay(true);
            socket.getOutputStream().write(input);
            socket.shutdownOutput();
            return judge(socket.getInputStream());
        } catch (SocketTimeoutException e) {
            throw new ViolationException("no answer, and the connection stays open", e);
        } catch (SocketException e) {
            return Outcome.REFUSED; // reset while the rest was sent: the server had refused by then
        }
    }

    private static Outcome judge(InputStream in) throws IOException, ViolationException {
        byte[] first = in.readNBytes(START_OF_ANSWER);
        String start = new String(first, StandardCharsets.ISO_8859_1);
        if (start.isEmpty()) {
            return Outcome.REFUSED; // closed without a word, as half a request is
        }
        Matcher line = STATUS_LINE.matcher(start);
        if (!line.matches()) {
            throw new ViolationException("the answer is no HTTP");
        }
        int status = Integer.parseInt(line.group(1));
        // 501 and 505: a method or version that there is not. 503: too many pages are open, as fuzzed ones may be for a
        // while.
        if (status >= 500 && status != 501 && status != 503 && status != 505) {
            throw new ViolationException("status " + status);
        }
        boolean staysOpen = start.contains("Server-Sent") || isStream(in, first);
        if (!staysOpen) {
            byte[] rest = new byte[CHUNK];
            while (in.read(rest) >= 0) {
                // To its end: an answer that never ends is a violation.
                continue;
            }
        }
        return status < 400 ? Outcome.ACCEPTED : Outcome.REFUSED;
    }

    /** Whether the answer's headers announce events, which end when the reader goes. */
    private static boolean isStream(InputStream in, byte[] first) throws IOException {
        StringBuilder headers = new StringBuilder(new String(first, StandardCharsets.ISO_8859_1));
        for (int next = 0; next >= 0 && headers.indexOf("\r\n\r\n") < 0; next = in.read()) {
            if (next > 0) {
                headers.append((char) next);
            }
        }
        return headers.indexOf("text/event-stream") >= 0;
    }

    /** The largest answer is a slice or a volume of the study that the server knows; the collector's counters vary. */
    @Override
    public long allowance(byte[] input) {
        return (64L << 20) + 1_024L * input.length;
    }

    @Override
    public long allocated() {
        return Allocations.ofAllThreads();
    }

    @Override
    public void requireAlive() throws Exception {
        if (!admin.answersWell()) {
            throw new ViolationException("a good request is not answered any more");
        }
    }

    @Override
    public void close() {
        admin.close();
    }
}
