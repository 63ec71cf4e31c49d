package io.cloe.it.faults;

/** Two workers are killed again and again. */
public final class KilledWorkers implements Scenario {

    private static final int PLACES = 2;

    private final int kills;

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
        RandomKills workers = new RandomKills(situation, PLACES);
        situation.startLoad();
        for (int kill = 1; kill <= kills; kill++) {
            workers.next();
            if (kill % 20 == 0) {
                situation.say(kill + " kills, " + situation.studies().size() + " studies");
            }
        }
        workers.end();
    }
}
