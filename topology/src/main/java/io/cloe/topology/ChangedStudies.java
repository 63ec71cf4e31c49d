package io.cloe.topology;

import io.cloe.topology.study.Difference;
import io.cloe.topology.study.Study;
import io.cloe.topology.study.Transition;
import java.time.Instant;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.state.StoreBuilder;

/**
 * The studies of a task that changed since they were last written. A store, because that is how two processors of a task share something;
 * it is never written anywhere itself, and empty after every commit.
 */
final class ChangedStudies implements StateStore {

    /**
     * A study that changed.
     *
     * @param stored as it is in the stores
     * @param now as it is now; empty when nothing is kept of it
     * @param toTell whose status is to be published, if any
     * @param changedAt when it last changed
     */
    record ChangedStudy(Optional<Study> stored, Optional<Study> now, Optional<Study> toTell, Instant changedAt) {

        private ChangedStudy then(Transition transition, Instant at) {
            return new ChangedStudy(
                    stored, transition.after(), transition.toTell().or(() -> toTell), at);
        }

        Difference difference() {
            return new Difference(stored, now);
        }
    }

    private final String name;
    /** In the order of access, the longest ago first. */
    private final Map<String, ChangedStudy> changed = new LinkedHashMap<>(16, 0.75f, true);

    private boolean open;

    private ChangedStudies(String name) {
        this.name = name;
    }

    static StoreBuilder<ChangedStudies> builder(String name) {
        return new Builder(name);
    }

    Optional<ChangedStudy> find(String studyId) {
        return Optional.ofNullable(changed.get(studyId));
    }

    void note(String studyId, Transition transition, Instant at) {
        ChangedStudy former = changed.get(studyId);
        ChangedStudy base = former != null
                ? former
                : new ChangedStudy(transition.before(), transition.before(), Optional.empty(), at);
        changed.put(studyId, base.then(transition, at));
    }

    int size() {
        return changed.size();
    }

    boolean isEmpty() {
        return changed.isEmpty();
    }

    /** Takes out the one that was neither looked for nor changed for longest, and passes it on; there must be one. */
    void takeFirst(BiConsumer<String, ChangedStudy> taker) {
        Iterator<Map.Entry<String, ChangedStudy>> all = changed.entrySet().iterator();
        Map.Entry<String, ChangedStudy> first = all.next();
        all.remove();
        taker.accept(first.getKey(), first.getValue());
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public void init(StateStoreContext context, StateStore root) {
        // What a transaction that was given up had changed did not happen.
        changed.clear();
        context.register(root, (key, value) -> {
            throw new IllegalStateException(name + " has no changelog to be restored from");
        });
        open = true;
    }

    @Override
    public void close() {
        changed.clear();
        open = false;
    }

    @Override
    public boolean persistent() {
        return false;
    }

    @Override
    public boolean isOpen() {
        return open;
    }

    private record Builder(String name) implements StoreBuilder<ChangedStudies> {

        @Override
        public ChangedStudies build() {
            return new ChangedStudies(name);
        }

        @Override
        public StoreBuilder<ChangedStudies> withCachingEnabled() {
            throw new UnsupportedOperationException("it is a cache itself");
        }

        @Override
        public StoreBuilder<ChangedStudies> withCachingDisabled() {
            return this;
        }

        @Override
        public StoreBuilder<ChangedStudies> withLoggingEnabled(Map<String, String> settings) {
            throw new UnsupportedOperationException("nothing of it outlives a commit");
        }

        @Override
        public StoreBuilder<ChangedStudies> withLoggingDisabled() {
            return this;
        }

        @Override
        public Map<String, String> logConfig() {
            return Map.of();
        }

        @Override
        public boolean loggingEnabled() {
            return false;
        }
    }
}
