package io.cloe.it.faults;

import java.util.List;

/** All scenarios. */
public final class Scenarios {

    private Scenarios() {}

    /**
     * Each of them.
     *
     * @param kills how many kills there are in those that kill at random
     */
    public static List<Scenario> all(int kills) {
        return List.of(
                new KilledWorkers(kills),
                new KilledCampaigns(kills),
                new RollingRestart(),
                new Scaling(),
                new KilledBroker(),
                new KilledController(),
                new BrokersInTurn(),
                new FullStateDisk(),
                new FullMaskDisk(),
                new ReadOnlyMasks(),
                new SlowMasks(),
                new CorruptedState());
    }
}
