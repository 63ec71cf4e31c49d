package io.cloe.it.fuzz;

import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.StudyCommand;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.schemas.serde.UnreadableRecordException;
import io.cloe.topology.Topics;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;

/**
 * Records as bytes: the first byte chooses the topic and how much time passes, the others are the value. They pass through the whole
 * topology, keyed by their study where they name one.
 */
final class RecordsTarget implements FuzzTarget {

    /** Avro's limit for one text, see {@code AvroSafety}; a length prefix may claim that much before the bytes are missed. */
    private static final long LONGEST_TEXT = 1 << 20;

    /** A dead letter or a failure holds what was sent, and little more. */
    private static final int LARGEST_OUTPUT_BEYOND_INPUT = 1 << 20;

    private final DrivenTopology topology;
    private final RecordSerde<ScanEvent> scans = RecordSerde.of(ScanEvent.class);
    private final RecordSerde<StudyCommand> commands = RecordSerde.of(StudyCommand.class);
    private final RecordSerde<InferenceResult> results = RecordSerde.of(InferenceResult.class);

    RecordsTarget(Path folder) {
        this.topology = new DrivenTopology(folder);
    }

    @Override
    public String name() {
        return "records";
    }

    @Override
    public Outcome feed(byte[] input) throws Exception {
        if (input.length == 0) {
            return Outcome.REFUSED;
        }
        byte[] value = Arrays.copyOfRange(input, 1, input.length);
        Topics topics = DrivenTopology.TOPICS;
        int choice = input[0] & 0xff;
        String topic =
                switch (choice % 3) {
                    case 0 -> topics.scanEvents();
                    case 1 -> topics.studyCommands();
                    default -> topics.inferenceResults();
                };
        Outcome outcome = Outcome.ACCEPTED;
        byte[] key = DrivenTopology.bytes("unknown");
        try {
            key = DrivenTopology.bytes(
                    switch (choice % 3) {
                        case 0 -> scans.deserialize("", value).getStudyId();
                        case 1 -> commands.deserialize("", value).getStudyId();
                        default -> results.deserialize("", value).getStudyId();
                    });
        } catch (UnreadableRecordException e) {
            outcome = Outcome.REFUSED;
        }
        topology.pipe(topic, key, value);
        topology.advance(Duration.ofMinutes(choice >>> 4));
        int largest = topology.drain();
        if (largest > LARGEST_OUTPUT_BEYOND_INPUT + input.length) {
            throw new ViolationException("an output record of " + largest + " bytes");
        }
        return outcome;
    }

    /** Read twice: for the key, and by the topology. */
    @Override
    public long allowance(byte[] input) {
        return (8 << 20) + 4 * LONGEST_TEXT + 256L * input.length;
    }

    @Override
    public void requireAlive() throws ViolationException {
        topology.requireGoodStudy();
    }

    @Override
    public void close() {
        topology.close();
    }
}
