package io.cloe.worker.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.worker.kafka.TopicAdmin;
import java.io.PrintWriter;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code cloe topics}. */
@Command(
        name = "topics",
        description = "The worker's topics.",
        mixinStandardHelpOptions = true,
        subcommands = TopicsCommand.Create.class)
final class TopicsCommand {

    /** {@code cloe topics create}. */
    @Command(
            name = "create",
            description = "Makes the topics that do not exist yet; leaves existing ones alone.",
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class Create extends WorkerCommand {

        @Option(
                names = "--partitions",
                defaultValue = "8",
                description = "Partitions of each topic: at least eight per device. Default: ${DEFAULT-VALUE}.")
        private int partitions;

        @Option(
                names = "--replication-factor",
                defaultValue = "-1",
                description = "Copies of each topic; -1 = the broker's default.")
        private int replicationFactor;

        @Option(names = "--json", description = "The names of the topics that were made, as one JSON object.")
        private boolean json;

        @Override
        public Integer call() throws Exception {
            if (partitions < 1) {
                throw new UserErrorException("--partitions " + partitions + "; allowed: 1 or more");
            }
            try (TopicAdmin admin = new TopicAdmin(settings.client())) {
                List<String> made = admin.create(partitions, replicationFactor);
                admin.check();
                PrintWriter out = spec.commandLine().getOut();
                if (json) {
                    ObjectNode object = JsonNodeFactory.instance.objectNode();
                    made.forEach(object.putArray("made")::add);
                    out.println(object);
                } else {
                    out.println(made.isEmpty() ? "all topics exist" : "made " + String.join(", ", made));
                }
                return ExitCode.OK;
            }
        }
    }
}
