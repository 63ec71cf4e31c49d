package io.cloe.worker.deadletters;

import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.ReprocessCampaign;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.StudyCommand;
import io.cloe.schemas.registry.RegistryException;
import io.cloe.schemas.serde.RecordFormat;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.schemas.serde.UnreadableRecordException;
import io.cloe.topology.Topics;
import java.util.Map;
import org.apache.kafka.common.serialization.Deserializer;

/** Whether this build would read a letter's record; so it is worth sending it again. */
public final class Readability {

    /** What would happen to a letter's record. */
    public enum Verdict {
        /** It is of an input topic and can be read. */
        READABLE,
        /** It would become a dead letter again. */
        UNREADABLE,
        /** The letter holds no copy of it, because it was too large. */
        LEFT_OUT,
        /** The letter does not say of which of the worker's input topics it is, so it cannot be sent again. */
        NOT_AN_INPUT
    }

    private final Map<String, Deserializer<?>> inputs;

    /**
     * Of a worker with these topics.
     *
     * @param records how records of its users travel; its own always are in Avro's single-object encoding
     */
    public Readability(Topics topics, RecordFormat records) {
        inputs = Map.of(
                topics.scanEvents(), records.of(ScanEvent.class).deserializer(),
                topics.studyCommands(), records.of(StudyCommand.class).deserializer(),
                topics.inferenceResults(), RecordSerde.of(InferenceResult.class),
                topics.reprocessCampaigns(), RecordSerde.of(ReprocessCampaign.class));
    }

    /**
     * Looks at a letter.
     *
     * @throws RegistryException if the schema registry has to be asked and does not answer, so that nobody can tell
     */
    public Verdict of(DeadLetter letter) {
        Deserializer<?> deserializer = letter.source()
                .<Deserializer<?>>map(source -> inputs.get(source.topic()))
                .orElse(null);
        if (deserializer == null) {
            return Verdict.NOT_AN_INPUT;
        }
        if (letter.leftOutBytes().isPresent()) {
            return Verdict.LEFT_OUT;
        }
        try {
            deserializer.deserialize(letter.source().get().topic(), letter.value());
            return Verdict.READABLE;
        } catch (UnreadableRecordException e) {
            return Verdict.UNREADABLE;
        }
    }
}
