package io.cloe.worker.execution;

import io.cloe.worker.bundle.ModelIdentity;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** The latest results by what they were made of: a replay does not pay for the device twice. Safe for several threads. */
final class ResultCache {

    private final Map<String, Measures> latest;
    private final Optional<ResultFiles> files;

    ResultCache(ResultCacheSettings settings) {
        latest = new LinkedHashMap<>(16, 0.75f, true) {
            private static final long serialVersionUID = 1L;

            @Override
            protected boolean removeEldestEntry(Map.Entry<String, Measures> eldest) {
                return size() > settings.entries();
            }
        };
        files = settings.directory().map(directory -> new ResultFiles(directory, settings.mostBytes()));
    }

    /** Looks in memory, and then in the files. */
    Optional<Measures> find(ModelIdentity model, String inputDigest) {
        Optional<Measures> remembered = remembered(model, inputDigest);
        if (remembered.isPresent()) {
            return remembered;
        }
        Optional<Measures> kept = files.flatMap(stored -> stored.find(model, inputDigest));
        kept.ifPresent(measures -> remember(model, inputDigest, measures));
        return kept;
    }

    /** Looks in memory alone. */
    synchronized Optional<Measures> remembered(ModelIdentity model, String inputDigest) {
        return Optional.ofNullable(latest.get(model.digest() + inputDigest));
    }

    void put(ModelIdentity model, String inputDigest, Measures measures) {
        remember(model, inputDigest, measures);
        files.ifPresent(kept -> kept.put(model, inputDigest, measures));
    }

    private synchronized void remember(ModelIdentity model, String inputDigest, Measures measures) {
        latest.put(model.digest() + inputDigest, measures);
    }
}
