package io.cloe.it.bench;

import java.time.Duration;
import picocli.CommandLine.Option;

/** What waiting studies cost the brokers while nothing happens. */
final class IdleBenchmark implements Benchmark {

    private static final Duration DROPPED = Duration.ofSeconds(20);

    @Option(
            names = "--studies",
            description = "Studies that wait, and as many that are complete. Default: ${DEFAULT-VALUE}.")
    private int studies = 1_000;

    @Option(names = "--seconds", description = "How long nothing happens. Default: ${DEFAULT-VALUE}.")
    private int seconds = 60;

    @Override
    public String name() {
        return "idle";
    }

    @Override
    public String measures() {
        return "transactions of a worker with open studies and no traffic";
    }

    @Override
    public Figure run(Session session) throws Exception {
        try (IdleTopology topology = new IdleTopology(session.folder(), studies, DROPPED, session.seed())) {
            int before = topology.transactions();
            Thread.sleep(Duration.ofSeconds(seconds).toMillis());
            int idle = topology.transactions() - before;
            session.out().printf("%-40s %12s%n", "", "transactions");
            session.out().printf("%-40s %12d%n", "while studies arrived", before);
            session.out().printf("%-40s %12d%n", "in " + seconds + " s without traffic", idle);
            return Figure.atMost(name(), idle, "transactions", 0);
        }
    }
}
