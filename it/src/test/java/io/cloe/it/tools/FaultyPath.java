package io.cloe.it.tools;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** Stands before a server and passes everything on, until it is told to be a bad network, or an overloaded server. */
public final class FaultyPath implements AutoCloseable {

    /** What becomes of a connection. */
    public enum Fault {
        /** Nothing is wrong. */
        NONE,
        /** Answered with status 503. */
        OVERLOADED,
        /** Cut off once {@link #CUT_BYTES} bytes have come back. */
        CUT,
        /** Accepted, and never answered. */
        SILENT
    }

    /** How much of an answer arrives before the connection is cut: its header and some of its body. */
    public static final int CUT_BYTES = 2_000;

    private final ServerSocket listening;
    private final int target;
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private final AtomicInteger faultsLeft = new AtomicInteger();
    private final AtomicInteger faultsMet = new AtomicInteger();
    private volatile Fault fault = Fault.NONE;

    FaultyPath(int target) throws IOException {
        this.target = target;
        this.listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        start("faulty-path", this::accept);
    }

    int port() {
        return listening.getLocalPort();
    }

    /** From now on, the next so many connections meet a fault. Connections that are open are closed. */
    public void next(int connections, Fault next) {
        fault = next;
        faultsMet.set(0);
        faultsLeft.set(connections);
        open.forEach(FaultyPath::closeQuietly);
    }

    /** How many connections have met the fault. */
    public int faultsMet() {
        return faultsMet.get();
    }

    private void accept() {
        while (!listening.isClosed()) {
            try {
                Socket client = listening.accept();
                open.add(client);
                start("faulty-path-connection", () -> serve(client));
            } catch (IOException e) {
                return; // closed
            }
        }
    }

    private void serve(Socket client) {
        boolean faulty = faultsLeft.getAndUpdate(left -> Math.max(0, left - 1)) > 0;
        Fault met = faulty ? fault : Fault.NONE;
        if (faulty) {
            faultsMet.incrementAndGet();
        }
        try {
            switch (met) {
                case OVERLOADED -> refuse(client);
                case SILENT -> client.getInputStream().transferTo(OutputStream.nullOutputStream());
                default -> pass(client, met == Fault.CUT ? CUT_BYTES : Long.MAX_VALUE);
            }
        } catch (IOException e) {
            // One of the two has hung up.
        } finally {
            closeQuietly(client);
            open.remove(client);
        }
    }

    private static void refuse(Socket client) throws IOException {
        InputStream in = client.getInputStream();
        String end = "\r\n\r\n";
        for (int matched = 0; matched < end.length(); ) {
            int next = in.read();
            if (next < 0) {
                return;
            }
            matched = next == end.charAt(matched) ? matched + 1 : next == '\r' ? 1 : 0;
        }
        in.skipNBytes(in.available());
        client.getOutputStream()
                .write(("HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close" + end)
                        .getBytes(StandardCharsets.US_ASCII));
    }

    private void pass(Socket client, long mostBytesBack) throws IOException {
        try (Socket server = new Socket(InetAddress.getLoopbackAddress(), target)) {
            start("faulty-path-request", () -> {
                try {
                    client.getInputStream().transferTo(server.getOutputStream());
                    server.shutdownOutput();
                } catch (IOException e) {
                    closeQuietly(server);
                }
            });
            byte[] buffer = new byte[1 << 16];
            long left = mostBytesBack;
            InputStream answer = server.getInputStream();
            while (left > 0) {
                int read = answer.read(buffer, 0, (int) Math.min(buffer.length, left));
                if (read < 0) {
                    return;
                }
                client.getOutputStream().write(buffer, 0, read);
                left -= read;
            }
        }
    }

    private static void start(String name, Runnable work) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        thread.start();
    }

    private static void closeQuietly(Closeable socket) {
        try {
            socket.close();
        } catch (IOException e) {
            // It is of no use any more either way.
        }
    }

    @Override
    public void close() throws IOException {
        listening.close();
        open.forEach(FaultyPath::closeQuietly);
    }
}
