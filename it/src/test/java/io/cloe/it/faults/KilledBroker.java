package io.cloe.it.faults;

import java.time.Duration;

/** The only broker is killed, is away for a while, and comes back. */
final class KilledBroker implements Scenario {

    @Override
    public String name() {
        return "killed-broker";
    }

    @Override
    public void run(Situation situation) throws Exception {
        situation.startOneWorkerAndLoad();
        situation.fleet().supervise(0);
        for (int round = 0; round < 2; round++) {
            situation.pass(situation.between(Duration.ofSeconds(2), Duration.ofSeconds(4)));
            situation.brokers().get(0).kill();
            situation.killed();
            situation.pass(Duration.ofSeconds(4));
            situation.brokers().get(0).start();
        }
        situation.pass(Duration.ofSeconds(2));
    }
}
