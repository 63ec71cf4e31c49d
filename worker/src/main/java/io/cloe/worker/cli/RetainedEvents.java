package io.cloe.worker.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.cloe.worker.kafka.ClientSettings;
import io.cloe.worker.results.ProgressText;
import io.cloe.worker.submit.EventReplay;
import io.cloe.worker.submit.EventReplay.Selection;
import io.cloe.worker.submit.EventReplay.Sent;
import java.io.IOException;
import java.time.Instant;
import java.util.Set;
import picocli.CommandLine.Option;

/** The options of {@code cloe submit} that send events of a topic once more. */
final class RetainedEvents {

    @Option(
            names = "--from-topic",
            required = true,
            paramLabel = "TOPIC",
            description = "Topic of scan events: scan-events itself, with its prefix, or a copy of it.")
    private String topic;

    @Option(
            names = "--since",
            required = true,
            paramLabel = "TIME",
            description = "Not older: a time such as 2026-11-26T08:00:00Z, or an age such as 30d.")
    private String since;

    @Option(names = "--until", paramLabel = "TIME", description = "Older, given in the same way. Default: now.")
    private String until;

    @Option(names = "--study", paramLabel = "ID", description = "Only events of these studies. Repeatable.")
    private Set<String> studies = Set.of();

    @Option(names = "--dry-run", description = "Counts, and sends nothing.")
    private boolean dryRun;

    int send(ClientSettings client, WorkerCommand command, boolean json) throws UserErrorException {
        Instant now = Instant.now();
        Selection selection = new Selection(
                TimeOption.parse("--since", since, now), TimeOption.parseIfGiven("--until", until, now), studies);
        LiveLine line = new LiveLine(command.spec.commandLine().getOut());
        try {
            Sent sent = new EventReplay(client, topic)
                    .send(
                            selection,
                            !dryRun,
                            line.isOnTerminal() ? thousandths -> line.show(text(thousandths)) : thousandths -> {});
            line.end();
            command.print(
                    json
                            ? JsonNodeFactory.instance
                                    .objectNode()
                                    .put("events", sent.events())
                                    .put("studies", sent.studies())
                                    .put("unreadable", sent.unreadable())
                                    .put("dryRun", dryRun)
                            : String.format(
                                    "%d events of %d studies %s%s",
                                    sent.events(),
                                    sent.studies(),
                                    dryRun ? "would be sent" : "sent",
                                    sent.unreadable() == 0 ? "" : "; unreadable: " + sent.unreadable()));
            return ExitCode.OK;
        } catch (IOException e) {
            line.end();
            command.complain(e.getMessage());
            return ExitCode.KAFKA;
        }
    }

    private static String text(long thousandths) {
        return ProgressText.bar(thousandths, 1_000) + " " + thousandths / 10 + " %";
    }
}
