package io.cloe.it.faults;

import io.cloe.it.tools.BrokerProcess;
import java.time.Duration;

/**
 * Each of three brokers is killed once, so that leaders of every topic, the coordinators of group and transactions and the controller are
 * among them; the next one only when all partitions have all their copies again.
 */
final class BrokersInTurn implements Scenario {

    @Override
    public String name() {
        return "brokers-in-turn";
    }

    @Override
    public int brokers() {
        return 3;
    }

    @Override
    public void run(Situation situation) throws Exception {
        situation.startOneWorkerAndLoad();
        situation.fleet().supervise(0);
        for (BrokerProcess broker : situation.brokers()) {
            situation.pass(situation.between(Duration.ofSeconds(1), Duration.ofSeconds(3)));
            situation.killForAWhile(broker);
        }
        situation.pass(Duration.ofSeconds(2));
    }
}
