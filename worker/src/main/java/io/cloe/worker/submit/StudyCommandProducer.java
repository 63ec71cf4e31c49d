package io.cloe.worker.submit;

import io.cloe.schemas.StudyCommand;
import io.cloe.worker.kafka.ClientSettings;
import java.io.IOException;

/** Sends operators' commands, keyed by study. */
public final class StudyCommandProducer implements AutoCloseable {

    private final AcknowledgedProducer<StudyCommand> producer;

    /** Connects when first used. */
    public StudyCommandProducer(ClientSettings settings) {
        producer = new AcknowledgedProducer<>(settings, settings.topics().studyCommands(), StudyCommand.class);
    }

    /**
     * Sends a command and waits until the brokers have it.
     *
     * @throws IOException if they do not take it
     */
    public void send(StudyCommand command) throws IOException, InterruptedException {
        producer.send(command.getStudyId(), command);
    }

    @Override
    public void close() {
        producer.close();
    }
}
