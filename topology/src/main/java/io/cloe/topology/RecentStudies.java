package io.cloe.topology;

import io.cloe.topology.study.Study;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The studies that changed last, as they are stored: most scans come soon after another one of their study, which then need not
 * be decoded again. Belongs to one assignment of a task, whose store nobody else writes.
 */
final class RecentStudies extends LinkedHashMap<String, Study> {

    private static final long serialVersionUID = 1;

    /** A few kilobytes each. */
    private static final int MOST = 1_000;

    RecentStudies() {
        super(16, 0.75f, true);
    }

    @Override
    protected boolean removeEldestEntry(Map.Entry<String, Study> eldest) {
        return size() > MOST;
    }
}
