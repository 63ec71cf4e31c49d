package io.cloe.it.faults;

import io.cloe.it.tools.BrokerProcess;
import java.time.Duration;

/** Of three brokers the active controller is killed, twice; it comes back each time. */
final class KilledController implements Scenario {

    @Override
    public String name() {
        return "killed-controller";
    }

    @Override
    public int brokers() {
        return 3;
    }

    @Override
    public void run(Situation situation) throws Exception {
        situation.startOneWorkerAndLoad();
        situation.fleet().supervise(0);
        for (int round = 0; round < 2; round++) {
            situation.pass(situation.between(Duration.ofSeconds(2), Duration.ofSeconds(4)));
            BrokerProcess controller = controller(situation);
            controller.kill();
            situation.killed();
            situation.pass(Duration.ofSeconds(6));
            controller.start();
        }
        situation.pass(Duration.ofSeconds(2));
    }

    private static BrokerProcess controller(Situation situation) throws Exception {
        int leader = situation
                .cluster()
                .admin()
                .describeMetadataQuorum()
                .quorumInfo()
                .get()
                .leaderId();
        return situation.brokers().stream()
                .filter(broker -> broker.node() == leader)
                .findFirst()
                .orElseThrow();
    }
}
