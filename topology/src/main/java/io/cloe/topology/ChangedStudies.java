package io.cloe.topology;

import io.cloe.topology.study.Difference;
import io.cloe.topology.study.Study;
import io.cloe.topology.study.Transition;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.state.StoreBuilder;

/**
 * The studies of a task that changed since the last commit. A store, because that is how two processors of a task share something; it is
 * never written anywhere, and empty after every commit.
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
    private final Map<String, ChangedStudy> changed = new LinkedHashMap<>();
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

    /** All of them, in the order in which they first changed; afterwards there are none. */
    List<Map.Entry<String, ChangedStudy>> take() {
        List<Map.Entry<String, ChangedStudy>> all = new ArrayList<>(changed.entrySet());
        changed.clear();
        return all;
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
