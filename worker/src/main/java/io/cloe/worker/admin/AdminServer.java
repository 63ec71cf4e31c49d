package io.cloe.worker.admin;

import io.cloe.worker.config.AdminSettings;
import io.cloe.worker.kafka.StartupException;
import io.cloe.worker.kafka.StartupException.Kind;
import java.net.InetAddress;
import java.net.URI;
import java.nio.ByteBuffer;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.UriCompliance;
import org.eclipse.jetty.io.ByteBufferPool;
import org.eclipse.jetty.server.ConnectionLimit;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.thread.QueuedThreadPool;

/** The HTTP server. */
final class AdminServer implements AutoCloseable {

    private static final int MOST_THREADS = 16;
    private static final int MOST_CONNECTIONS = 256;
    private static final int IDLE_MS = 30_000;
    private static final int LONGEST_HEADER = 8 << 10;

    private final Server server;
    private final InetAddress address;
    private final int port;

    private AdminServer(Server server, InetAddress address, int port) {
        this.server = server;
        this.address = address;
        this.port = port;
    }

    /** @throws StartupException if the address cannot be listened on */
    static AdminServer start(AdminHandler handler, AdminSettings settings) throws StartupException {
        QueuedThreadPool threads = new QueuedThreadPool(MOST_THREADS, 1, IDLE_MS);
        threads.setName("cloe-admin");
        threads.setDaemon(true);
        // Jetty may give a buffer back twice where a connection breaks (jetty.project issue 12939), and two requests
        // then
        // share it: random requests once got an answer made of an earlier one's bytes. Few ask here; no buffer is
        // shared.
        Server server = new Server(threads, null, new ByteBufferPool.NonPooling());
        HttpConfiguration http = new HttpConfiguration();
        http.setSendServerVersion(false);
        http.setRequestHeaderSize(LONGEST_HEADER);
        // Study ids may hold any character, also an escaped slash. HttpCall is strict; and no part of a path becomes a
        // file name.
        http.setUriCompliance(UriCompliance.UNSAFE);
        ServerConnector connector = new ServerConnector(server, 1, 1, new HttpConnectionFactory(http));
        connector.setHost(settings.address().getHostAddress());
        connector.setPort(settings.port());
        connector.setIdleTimeout(IDLE_MS);
        server.addConnector(connector);
        server.addBean(new ConnectionLimit(MOST_CONNECTIONS, connector));
        server.setHandler(handler);
        server.setErrorHandler(AdminServer::malformed);
        try {
            server.start();
        } catch (Exception e) {
            stop(server);
            throw new StartupException(
                    Kind.ADMIN_HTTP,
                    "settings " + AdminSettings.ADMIN_HOST + " and " + AdminSettings.ADMIN_PORT + ": cannot listen on "
                            + settings.address().getHostAddress() + ":" + settings.port() + " ("
                            + e.getClass().getSimpleName() + ")");
        }
        return new AdminServer(server, settings.address(), connector.getLocalPort());
    }

    /** What Jetty itself refuses never reaches the routes; its own answer would quote the request. */
    private static boolean malformed(Request request, Response response, Callback callback) {
        int status = response.getStatus();
        HttpProblem problem = new HttpProblem(
                status,
                status >= 500 ? HttpProblem.Code.INTERNAL : HttpProblem.Code.BAD_REQUEST,
                "this is no request that the worker understands");
        byte[] body = HttpReply.of(problem).body();
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, "application/json");
        AdminHandler.putSecurityHeaders(response.getHeaders());
        response.write(true, ByteBuffer.wrap(body), callback);
        return true;
    }

    /** Where a browser on this machine finds it. */
    URI address() {
        String host = address.isAnyLocalAddress() ? "127.0.0.1" : address.getHostAddress();
        return URI.create("http://" + (host.contains(":") ? "[" + host + "]" : host) + ":" + port + "/");
    }

    private static void stop(Server server) {
        try {
            server.stop();
        } catch (Exception e) {
            throw new IllegalStateException("the admin HTTP server did not stop", e);
        }
    }

    @Override
    public void close() {
        stop(server);
    }
}
