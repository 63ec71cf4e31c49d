package io.cloe.worker.inference;

import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.bundle.SubsetGraph;
import io.cloe.worker.inference.EngineException.Kind;
import java.time.Duration;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Predicate;

/**
 * An engine's open sessions and the memory off the heap that they read and write. Sessions open when first asked for; more than are
 * allowed push out the least recently used. Used under the engine's lock only.
 */
final class SubsetSessions {

    private final ModelBundle bundle;
    private final ExecutionDevice device;
    private final EngineSettings settings;

    /** For the graphs of the bundle's window; the memory that it takes is known when the engine opens. */
    private final WindowBuffers windowBuffers;

    /** For graphs of other shapes, until all their sessions were closed for being idle. */
    private final Map<WindowBuffers.Shape, WindowBuffers> otherBuffers = new HashMap<>();

    /** Least recently used first. */
    private final Map<SubsetGraph, SubsetSession> sessions = new LinkedHashMap<>(16, 0.75f, true);

    SubsetSessions(ModelBundle bundle, ExecutionDevice device, EngineSettings settings) {
        this.bundle = bundle;
        this.device = device;
        this.settings = settings;
        this.windowBuffers = WindowBuffers.ofWindow(bundle);
    }

    SubsetSession session(SubsetGraph graph) throws EngineException {
        SubsetSession open = sessions.get(graph);
        if (open != null) {
            return open;
        }
        for (Iterator<SubsetSession> oldest = sessions.values().iterator();
                sessions.size() >= settings.openSessions() && oldest.hasNext(); ) {
            SubsetSession evicted = oldest.next();
            oldest.remove();
            evicted.close();
        }
        open = SubsetSession.open(bundle, graph, buffers(graph), device, settings);
        sessions.put(graph, open);
        return open;
    }

    /** The memory of a graph's session, open or not. */
    WindowBuffers buffers(SubsetGraph graph) throws EngineException {
        WindowBuffers.Shape shape = WindowBuffers.Shape.of(graph);
        if (!shape.labels() && shape.window().equals(bundle.window())) {
            return windowBuffers;
        }
        WindowBuffers known = otherBuffers.get(shape);
        if (known == null) {
            try {
                known = new WindowBuffers(bundle, shape);
            } catch (OutOfMemoryError e) {
                throw new EngineException(Kind.OUT_OF_MEMORY, "no memory for the input of " + graph.file(), e);
            }
            otherBuffers.put(shape, known);
        }
        return known;
    }

    /** Subsets whose session is open. */
    int open() {
        return sessions.size();
    }

    /** Closes what has not been used for this long. Between studies only: the memory that no session is left for goes too. */
    void closeIdleFor(Duration idle) throws EngineException {
        long now = System.nanoTime();
        close(session -> now - session.usedAt() >= idle.toNanos());
        otherBuffers.keySet().removeIf(shape -> sessions.keySet().stream()
                .noneMatch(graph -> WindowBuffers.Shape.of(graph).equals(shape)));
    }

    /** Closes every session; an inference that goes on afterwards goes on with its buffers. */
    void closeAll() throws EngineException {
        close(session -> true);
    }

    /** Tries them all, and throws the last failure. */
    private void close(Predicate<SubsetSession> which) throws EngineException {
        EngineException failure = null;
        for (Iterator<SubsetSession> each = sessions.values().iterator(); each.hasNext(); ) {
            SubsetSession session = each.next();
            if (which.test(session)) {
                each.remove();
                try {
                    session.close();
                } catch (EngineException e) {
                    failure = e;
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
    }
}
