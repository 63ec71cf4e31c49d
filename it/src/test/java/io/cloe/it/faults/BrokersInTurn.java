package io.cloe.it.faults;

import io.cloe.it.tools.BrokerProcess;
import io.cloe.it.tools.Waiting;
import java.time.Duration;
import java.util.Collection;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListTopicsOptions;
import org.apache.kafka.clients.admin.TopicDescription;

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
            broker.kill();
            situation.killed();
            situation.pass(Duration.ofSeconds(4));
            broker.start();
            Admin admin = situation.cluster().admin();
            Waiting.until("all copies are in sync").ignoreExceptions().until(() -> allInSync(admin));
        }
        situation.pass(Duration.ofSeconds(2));
    }

    private static boolean allInSync(Admin admin) throws ExecutionException, InterruptedException {
        Set<String> topics = admin.listTopics(new ListTopicsOptions().listInternal(true))
                .names()
                .get();
        Collection<TopicDescription> described =
                admin.describeTopics(topics).allTopicNames().get().values();
        return described.stream()
                .flatMap(topic -> topic.partitions().stream())
                .allMatch(partition ->
                        partition.isr().size() == partition.replicas().size());
    }
}
