package io.cloe.it.faults;

import java.time.Duration;

/** One worker becomes three, and three become one. */
final class Scaling implements Scenario {

    @Override
    public String name() {
        return "scaling";
    }

    @Override
    public void run(Situation situation) throws Exception {
        Fleet fleet = situation.fleet();
        situation.startOneWorkerAndLoad();
        situation.pass(Duration.ofSeconds(3));
        for (int place = 1; place <= 2; place++) {
            fleet.start(place);
            fleet.awaitRunning(place);
            situation.pass(Duration.ofSeconds(2));
        }
        for (int place = 0; place <= 1; place++) {
            fleet.stop(place);
            situation.pass(Duration.ofSeconds(2));
        }
    }
}
