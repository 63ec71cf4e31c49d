package io.cloe.it.tools;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import kafka.tools.StorageTool;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.common.Uuid;

/**
 * A real Kafka broker in a process of its own: one node that is broker and controller, on loopback, on ports that it keeps. It can be
 * killed and started again on the same data.
 */
public final class BrokerProcess implements AutoCloseable {

    private static final List<String> OPTIONS = Stream.concat(JavaProcess.SHORT_LIVED.stream(), Stream.of("-Xmx512m"))
            .toList();

    private final Path folder;
    private final Path settings;
    private final int node;
    private final Optional<SecureListener> secure;
    private final int port = FreePorts.next();
    private final int controllerPort = FreePorts.next();
    private JavaProcess process;

    private BrokerProcess(Path folder, int node, Optional<SecureListener> secure) {
        this.folder = folder;
        this.node = node;
        this.secure = secure;
        this.settings = folder.resolve("server.properties");
    }

    /**
     * Formats a broker's folder and starts it.
     *
     * @param folder empty folder for its data and output
     */
    public static BrokerProcess start(Path folder) {
        return start(folder, Optional.empty());
    }

    /** As {@link #start(Path)}, with a second listener for those who come with TLS and a password. */
    static BrokerProcess start(Path folder, SecureListener secure) {
        return start(folder, Optional.of(secure));
    }

    private static BrokerProcess start(Path folder, Optional<SecureListener> secure) {
        BrokerProcess broker = new BrokerProcess(folder, 1, secure);
        broker.prepare(List.of(broker), Uuid.randomUuid());
        broker.start();
        return broker;
    }

    /**
     * Starts several, each broker and controller, with internal topics that outlive the loss of one.
     *
     * @param folder for their folders
     */
    public static List<BrokerProcess> startCluster(Path folder, int nodes) throws IOException {
        List<BrokerProcess> cluster = new ArrayList<>();
        for (int node = 1; node <= nodes; node++) {
            cluster.add(new BrokerProcess(
                    Files.createDirectories(folder.resolve("broker-" + node)), node, Optional.empty()));
        }
        Uuid id = Uuid.randomUuid();
        for (BrokerProcess broker : cluster) {
            broker.prepare(cluster, id);
        }
        cluster.forEach(BrokerProcess::launch);
        cluster.forEach(BrokerProcess::awaitAnswer);
        return cluster;
    }

    private void prepare(List<BrokerProcess> cluster, Uuid id) {
        writeSettings(cluster);
        format(id);
    }

    private void writeSettings(List<BrokerProcess> cluster) {
        String voters = cluster.stream()
                .map(one -> one.node + "@127.0.0.1:" + one.controllerPort)
                .collect(Collectors.joining(","));
        String copies = Integer.toString(cluster.size());
        String inSync = Integer.toString(Math.max(1, cluster.size() - 1));
        Properties broker = new Properties();
        broker.put("process.roles", "broker,controller");
        broker.put("node.id", Integer.toString(node));
        broker.put("log.dirs", folder.resolve("data").toString());
        broker.put("listeners", "PLAINTEXT://127.0.0.1:" + port + ",CONTROLLER://127.0.0.1:" + controllerPort);
        broker.put("advertised.listeners", "PLAINTEXT://" + address());
        broker.put("controller.listener.names", "CONTROLLER");
        broker.put("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT");
        broker.put("controller.quorum.voters", voters);
        broker.put("default.replication.factor", copies);
        broker.put("min.insync.replicas", inSync);
        broker.put("offsets.topic.replication.factor", copies);
        broker.put("offsets.topic.num.partitions", "4");
        broker.put("transaction.state.log.replication.factor", copies);
        broker.put("transaction.state.log.min.isr", inSync);
        broker.put("transaction.state.log.num.partitions", "4");
        broker.put("share.coordinator.state.topic.replication.factor", copies);
        broker.put("share.coordinator.state.topic.min.isr", inSync);
        // A killed broker is admitted again only when its former session has run out.
        broker.put("broker.session.timeout.ms", "2000");
        broker.put("broker.heartbeat.interval.ms", "500");
        // A killed worker's partitions are given to its successor only when its session has run out.
        broker.put("group.min.session.timeout.ms", "1000");
        broker.put("group.streams.min.session.timeout.ms", "1000");
        broker.put("group.streams.session.timeout.ms", "3000");
        broker.put("group.streams.min.heartbeat.interval.ms", "500");
        broker.put("group.streams.heartbeat.interval.ms", "500");
        // A killed worker's open transaction hides what it wrote until it is aborted.
        broker.put("transaction.abort.timed.out.transaction.cleanup.interval.ms", "500");
        broker.put("group.initial.rebalance.delay.ms", "0");
        broker.put("group.streams.initial.rebalance.delay.ms", "0");
        broker.put("log.cleaner.dedupe.buffer.size", "2097152");
        secure.ifPresent(listener -> listener.addTo(broker));
        try (Writer file = Files.newBufferedWriter(settings)) {
            broker.store(file, null);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void format(Uuid cluster) {
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        String[] arguments = {"format", "-t", cluster.toString(), "-c", settings.toString()};
        if (StorageTool.execute(arguments, new PrintStream(said, true, StandardCharsets.UTF_8)) != 0) {
            throw new AssertionError(
                    "the broker's folder cannot be formatted\n" + said.toString(StandardCharsets.UTF_8));
        }
    }

    /** Starts it, the first time or again, and waits until it answers. */
    public void start() {
        launch();
        awaitAnswer();
    }

    private void launch() {
        process = JavaProcess.start(folder, "broker", OPTIONS, "kafka.Kafka", List.of(settings.toString()));
    }

    private void awaitAnswer() {
        try (Admin admin = Admin.create(Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, address()))) {
            Waiting.until("the broker answers").ignoreExceptions().until(() -> {
                if (!process.isAlive()) {
                    throw new AssertionError("the broker ended\n" + String.join("\n", process.errorLines()));
                }
                return !admin.describeCluster().nodes().get().isEmpty();
            });
        }
    }

    /** Kills it as {@code kill -9} does. */
    public void kill() {
        process.kill();
    }

    /** Its number in the cluster, from 1. */
    public int node() {
        return node;
    }

    /** host:port. */
    public String address() {
        return "127.0.0.1:" + port;
    }

    @Override
    public void close() {
        process.close();
    }
}
