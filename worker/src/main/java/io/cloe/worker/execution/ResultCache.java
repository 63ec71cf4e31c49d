package io.cloe.worker.execution;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** The latest results by what they were made of: a replay does not pay for the device twice. Safe for several threads. */
final class ResultCache {

    private final Map<String, Measures> latest;

    ResultCache(int entries) {
        latest = new LinkedHashMap<>(16, 0.75f, true) {
            private static final long serialVersionUID = 1L;

            @Override
            protected boolean removeEldestEntry(Map.Entry<String, Measures> eldest) {
                return size() > entries;
            }
        };
    }

    synchronized Optional<Measures> find(String modelDigest, String inputDigest) {
        return Optional.ofNullable(latest.get(modelDigest + inputDigest));
    }

    synchronized void put(String modelDigest, String inputDigest, Measures measures) {
        latest.put(modelDigest + inputDigest, measures);
    }
}
