package io.cloe.it.faults;

import io.cloe.it.faults.Fleet.Standstill;
import java.time.Duration;
import java.time.Instant;

/** Two workers are killed again and again: half of the times at a step, the other half at any moment, while starting too. */
public final class KilledWorkers implements Scenario {

    private static final int PLACES = 2;
    private static final Duration LONGEST_WAIT = Duration.ofSeconds(12);

    private final int kills;
    private final Standstill[] standing = new Standstill[PLACES];

    /** So many times. */
    public KilledWorkers(int kills) {
        this.kills = kills;
    }

    @Override
    public String name() {
        return "killed-workers";
    }

    @Override
    public void run(Situation situation) throws Exception {
        Fleet fleet = situation.fleet();
        for (int place = 0; place < PLACES; place++) {
            start(situation, place);
        }
        situation.startLoad();
        for (int kill = 1; kill <= kills; kill++) {
            int place = situation.random().nextInt(PLACES);
            if (standing[place] != null) {
                awaitStandstill(standing[place]);
            } else {
                situation.pass(situation.between(Duration.ofMillis(500), Duration.ofSeconds(5)));
            }
            fleet.kill(place);
            situation.killed();
            start(situation, place);
            if (kill % 20 == 0) {
                situation.say(kill + " kills, " + situation.studies().size() + " studies");
            }
        }
        for (int place = 0; place < PLACES; place++) {
            fleet.kill(place);
            fleet.start(place);
        }
    }

    private void start(Situation situation, int place) {
        standing[place] = null;
        if (situation.random().nextBoolean()) {
            Step step = Step.values()[situation.random().nextInt(Step.values().length)];
            standing[place] =
                    situation.fleet().start(place, step, 1 + situation.random().nextInt(4));
        } else {
            situation.fleet().start(place);
        }
    }

    /** Not without end: while the other one owns all partitions, this one takes no step. */
    private static void awaitStandstill(Standstill standstill) throws InterruptedException {
        Instant end = Instant.now().plus(LONGEST_WAIT);
        while (!standstill.reached() && Instant.now().isBefore(end)) {
            Thread.sleep(50);
        }
    }
}
