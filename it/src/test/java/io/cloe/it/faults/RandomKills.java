package io.cloe.it.faults;

import io.cloe.it.faults.Fleet.Standstill;
import io.cloe.it.tools.Waiting;
import java.time.Duration;
import org.awaitility.core.ConditionTimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Kills the workers in some places: half of the times at a step, the other half at any moment, while starting too. */
final class RandomKills {

    private static final Logger LOG = LoggerFactory.getLogger(RandomKills.class);
    private static final Duration LONGEST_WAIT = Duration.ofSeconds(12);

    private final Situation situation;
    private final Standstill[] standing;

    /** Starts a worker in each of so many places. */
    RandomKills(Situation situation, int places) {
        this.situation = situation;
        standing = new Standstill[places];
        for (int place = 0; place < places; place++) {
            start(place);
        }
    }

    /** Waits for the moment, kills one of them, and starts it again. */
    void next() throws InterruptedException {
        int place = situation.random().nextInt(standing.length);
        if (standing[place] != null) {
            awaitStandstill(standing[place]);
        } else {
            situation.pass(situation.between(Duration.ofMillis(500), Duration.ofSeconds(5)));
        }
        situation.fleet().kill(place);
        situation.killed();
        start(place);
    }

    /** Kills each once more; the ones that follow stand still no more. */
    void end() {
        for (int place = 0; place < standing.length; place++) {
            situation.fleet().kill(place);
            situation.fleet().start(place);
        }
    }

    private void start(int place) {
        standing[place] = null;
        if (situation.random().nextBoolean()) {
            Step step = Step.values()[situation.random().nextInt(Step.values().length)];
            standing[place] =
                    situation.fleet().start(place, step, 1 + situation.random().nextInt(4));
        } else {
            situation.fleet().start(place);
        }
    }

    /** Or is killed as it is: while the other one owns all partitions, this one takes no step. */
    private static void awaitStandstill(Standstill standstill) {
        try {
            Waiting.until("a standstill").atMost(LONGEST_WAIT).until(standstill::reached);
        } catch (ConditionTimeoutException e) {
            LOG.debug("killed before it stood still", e);
        }
    }
}
