package io.cloe.it.tools;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.common.Uuid;

/**
 * A real Kafka broker in a process of its own: one node that is broker and controller, on loopback, on ports that it keeps. It can be
 * killed and started again on the same data.
 */
public final class BrokerProcess implements AutoCloseable {

    private static final List<String> OPTIONS = List.of("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1");

    private final Path folder;
    private final Path settings;
    private final int port = FreePorts.next();
    private JavaProcess process;

    private BrokerProcess(Path folder) {
        this.folder = folder;
        this.settings = folder.resolve("server.properties");
    }

    /**
     * Formats a broker's folder and starts it.
     *
     * @param folder empty folder for its data and output
     */
    public static BrokerProcess start(Path folder) {
        BrokerProcess broker = new BrokerProcess(folder);
        broker.writeSettings();
        broker.format();
        broker.start();
        return broker;
    }

    private void writeSettings() {
        int controllerPort = FreePorts.next();
        Properties broker = new Properties();
        broker.put("process.roles", "broker,controller");
        broker.put("node.id", "1");
        broker.put("log.dirs", folder.resolve("data").toString());
        broker.put("listeners", "PLAINTEXT://127.0.0.1:" + port + ",CONTROLLER://127.0.0.1:" + controllerPort);
        broker.put("advertised.listeners", "PLAINTEXT://" + address());
        broker.put("controller.listener.names", "CONTROLLER");
        broker.put("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT");
        broker.put("controller.quorum.voters", "1@127.0.0.1:" + controllerPort);
        broker.put("offsets.topic.replication.factor", "1");
        broker.put("offsets.topic.num.partitions", "4");
        broker.put("transaction.state.log.replication.factor", "1");
        broker.put("transaction.state.log.min.isr", "1");
        broker.put("transaction.state.log.num.partitions", "4");
        broker.put("share.coordinator.state.topic.replication.factor", "1");
        broker.put("share.coordinator.state.topic.min.isr", "1");
        // A killed broker is admitted again only when its former session has run out.
        broker.put("broker.session.timeout.ms", "2000");
        broker.put("broker.heartbeat.interval.ms", "500");
        // A killed worker's partitions are given to its successor only when its session has run out.
        broker.put("group.min.session.timeout.ms", "1000");
        broker.put("group.initial.rebalance.delay.ms", "0");
        broker.put("group.streams.initial.rebalance.delay.ms", "0");
        broker.put("log.cleaner.dedupe.buffer.size", "2097152");
        try (Writer file = Files.newBufferedWriter(settings)) {
            broker.store(file, null);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void format() {
        List<String> arguments = List.of("format", "-t", Uuid.randomUuid().toString(), "-c", settings.toString());
        try (JavaProcess format =
                JavaProcess.start(folder, "broker-format", OPTIONS, "kafka.tools.StorageTool", arguments)) {
            if (format.awaitExit() != 0) {
                throw new AssertionError("the broker's folder cannot be formatted\n"
                        + String.join("\n", format.outputLines()) + String.join("\n", format.errorLines()));
            }
        }
    }

    /** Starts it, the first time or again, and waits until it answers. */
    public void start() {
        process = JavaProcess.start(folder, "broker", OPTIONS, "kafka.Kafka", List.of(settings.toString()));
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

    /** host:port. */
    public String address() {
        return "127.0.0.1:" + port;
    }

    @Override
    public void close() {
        process.close();
    }
}
