package io.cloe.worker.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.schemas.CommandKind;
import io.cloe.schemas.StudyCommand;
import io.cloe.worker.submit.StudyCommandProducer;
import java.io.IOException;
import java.time.Instant;
import java.util.UUID;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The commands that an operator gives for one study. */
abstract class StudyOrder extends WorkerCommand {

    @Parameters(paramLabel = "STUDY", description = "Study id.")
    private String studyId;

    @Option(names = "--reason", description = "Why; kept with the command. No patient data.")
    private String reason;

    @Option(names = "--json", description = "What was sent, as one JSON object.")
    private boolean json;

    private final CommandKind kind;

    StudyOrder(CommandKind kind) {
        this.kind = kind;
    }

    /** New deadline, for the one command that has one. */
    Instant deadline(Instant now) throws UserErrorException {
        return null;
    }

    @Override
    public Integer call() throws Exception {
        Instant now = Instant.now();
        StudyCommand command =
                new StudyCommand(UUID.randomUUID().toString(), studyId, kind, deadline(now), reason, now);
        try (StudyCommandProducer producer = new StudyCommandProducer(settings.client())) {
            producer.send(command);
        } catch (IOException e) {
            complain(e.getMessage());
            return ExitCode.KAFKA;
        }
        print(json ? json(command) : "sent " + kind + "; 'cloe why " + studyId + "' tells what came of it");
        return ExitCode.OK;
    }

    private static ObjectNode json(StudyCommand command) {
        ObjectNode object = JsonNodeFactory.instance
                .objectNode()
                .put("command", command.getCommandId())
                .put("study", command.getStudyId())
                .put("kind", command.getKind().name());
        return command.getDeadline() == null
                ? object
                : object.put("deadline", command.getDeadline().toString());
    }

    /** {@code cloe force}. */
    @Command(
            name = "force",
            description = "Runs a study now, with the scans that are here.",
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class Force extends StudyOrder {
        Force() {
            super(CommandKind.FORCE);
        }
    }

    /** {@code cloe hold}. */
    @Command(
            name = "hold",
            description = "Collects a study's scans but does not run it until it is forced or extended.",
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class Hold extends StudyOrder {
        Hold() {
            super(CommandKind.HOLD);
        }
    }

    /** {@code cloe cancel}. */
    @Command(
            name = "cancel",
            description = "Closes a study; later scans are recorded, but do not run until it is forced.",
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class Cancel extends StudyOrder {
        Cancel() {
            super(CommandKind.CANCEL);
        }
    }

    /** {@code cloe extend}. */
    @Command(
            name = "extend",
            description = "Moves the deadline of a study that has no result yet.",
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class Extend extends StudyOrder {

        @Option(names = "--by", required = true, paramLabel = "DURATION", description = "From now, such as 2h.")
        private String by;

        Extend() {
            super(CommandKind.EXTEND);
        }

        @Override
        Instant deadline(Instant now) throws UserErrorException {
            return now.plus(DurationOption.parse("--by", by));
        }
    }
}
