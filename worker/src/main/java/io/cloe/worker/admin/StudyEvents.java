package io.cloe.worker.admin;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.cloe.worker.admin.HttpProblem.Code;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;

/**
 * Tells open pages which studies changed, as server-sent events. What changes within half a second is one event; of many changes it
 * says only that there were many. A page that does not read is cut off by the server's idle timeout.
 */
final class StudyEvents implements AutoCloseable {

    private static final int MOST_PAGES = 100;
    private static final int MOST_NAMED = 100;
    private static final long PERIOD_MS = 500;
    private static final int PERIODS_PER_HEARTBEAT = 20;

    private final List<Subscriber> subscribers = new ArrayList<>();
    private final ScheduledExecutorService ticks = Executors.newSingleThreadScheduledExecutor(task -> {
        Thread thread = new Thread(task, "cloe-study-events");
        thread.setDaemon(true);
        return thread;
    });
    private final Set<String> changed = new LinkedHashSet<>();
    private long periods;

    StudyEvents() {
        ticks.scheduleWithFixedDelay(this::tick, PERIOD_MS, PERIOD_MS, TimeUnit.MILLISECONDS);
    }

    /** Notes that a study changed. */
    void changed(String studyId) {
        synchronized (changed) {
            if (changed.size() <= MOST_NAMED) {
                changed.add(studyId);
            }
        }
    }

    void open(Response response, Callback callback) throws HttpProblem {
        synchronized (subscribers) {
            if (subscribers.size() >= MOST_PAGES) {
                throw new HttpProblem(503, Code.BUSY, "too many pages are open");
            }
            HttpFields.Mutable headers = response.getHeaders();
            AdminHandler.putSecurityHeaders(headers);
            headers.put(HttpHeader.CONTENT_TYPE, "text/event-stream");
            headers.put(HttpHeader.CACHE_CONTROL, "no-store");
            Subscriber subscriber = new Subscriber(response, callback);
            subscribers.add(subscriber);
            subscriber.write(": hello\n\n");
        }
    }

    private void tick() {
        String event = event();
        boolean heartbeat = ++periods % PERIODS_PER_HEARTBEAT == 0;
        if (event.isEmpty() && !heartbeat) {
            return;
        }
        synchronized (subscribers) {
            List.copyOf(subscribers)
                    .forEach(subscriber -> subscriber.write(event.isEmpty() ? ": still here\n\n" : event));
        }
    }

    private String event() {
        synchronized (changed) {
            if (changed.isEmpty()) {
                return "";
            }
            ArrayNode ids = JsonNodeFactory.instance.arrayNode();
            if (changed.size() <= MOST_NAMED) {
                changed.forEach(ids::add);
            }
            changed.clear();
            return "event: changed\ndata: " + ids + "\n\n";
        }
    }

    int pages() {
        synchronized (subscribers) {
            return subscribers.size();
        }
    }

    @Override
    public void close() {
        ticks.shutdownNow();
        synchronized (subscribers) {
            List.copyOf(subscribers).forEach(Subscriber::end);
        }
    }

    /** An open page. Guarded by {@code subscribers}, but for what Jetty calls back. */
    private final class Subscriber implements Callback {

        private final Response response;
        private final Callback callback;
        private final StringBuilder waiting = new StringBuilder();
        private boolean writing;
        private boolean ended;

        Subscriber(Response response, Callback callback) {
            this.response = response;
            this.callback = callback;
        }

        void write(String text) {
            if (ended) {
                return;
            }
            if (writing) {
                // Whoever is this slow is told to look at everything.
                waiting.setLength(0);
                waiting.append("event: changed\ndata: []\n\n");
                return;
            }
            writing = true;
            response.write(false, ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)), this);
        }

        @Override
        public void succeeded() {
            synchronized (subscribers) {
                writing = false;
                if (waiting.length() > 0) {
                    String text = waiting.toString();
                    waiting.setLength(0);
                    write(text);
                }
            }
        }

        @Override
        public void failed(Throwable failure) {
            synchronized (subscribers) {
                subscribers.remove(this);
                if (ended) {
                    return;
                }
                ended = true;
            }
            callback.failed(failure);
        }

        void end() {
            subscribers.remove(this);
            if (!ended) {
                ended = true;
                if (!writing) {
                    response.write(true, ByteBuffer.allocate(0), callback);
                } else {
                    callback.succeeded();
                }
            }
        }
    }
}
