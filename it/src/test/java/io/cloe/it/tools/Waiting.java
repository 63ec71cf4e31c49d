package io.cloe.it.tools;

import java.time.Duration;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;

/** How long tests wait. Long, because the machine may be busy: a wait ends as soon as its condition holds. */
public final class Waiting {

    /** For anything that takes seconds on an idle machine. */
    public static final Duration PATIENCE = Duration.ofMinutes(5);

    private Waiting() {}

    /** A wait that fails naming what did not happen. */
    public static ConditionFactory until(String what) {
        return Awaitility.await(what).atMost(PATIENCE).pollDelay(Duration.ZERO).pollInterval(Duration.ofMillis(100));
    }
}
