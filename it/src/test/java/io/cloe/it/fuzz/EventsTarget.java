package io.cloe.it.fuzz;

import io.cloe.schemas.CommandKind;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.ScanOperation;
import io.cloe.schemas.StudyCommand;
import io.cloe.schemas.VolumeReference;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.topology.study.Fixtures;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Sequences of well-formed events and commands with any values in their fields, of few studies, while time passes. */
final class EventsTarget implements FuzzTarget {

    private static final int MOST_STEPS = 16;
    private static final List<String> MODALITIES = List.of("T1", "T1CE", "T2", "FLAIR", "ADC", "");
    private static final List<Instant> TIMES = List.of(
            Instant.ofEpochMilli(Long.MIN_VALUE),
            Instant.ofEpochMilli(Long.MAX_VALUE),
            Instant.EPOCH,
            Instant.parse("2026-01-05T08:00:10Z"),
            Instant.parse("2026-01-05T09:00:00Z"));

    /** Kafka's default for the largest record. */
    private static final int LARGEST_RECORD = 1 << 20;

    private final DrivenTopology topology;
    private final RecordSerde<ScanEvent> scans = RecordSerde.of(ScanEvent.class);
    private final RecordSerde<StudyCommand> commands = RecordSerde.of(StudyCommand.class);
    private int sequences;

    EventsTarget(Path folder) {
        this.topology = new DrivenTopology(folder);
    }

    @Override
    public String name() {
        return "events";
    }

    @Override
    public Outcome feed(byte[] input) throws Exception {
        Choices choices = new Choices(input);
        sequences++;
        for (int step = 0; step < MOST_STEPS && choices.areLeft(); step++) {
            String study = choices.below(8) == 0 ? choices.text() : "study-" + sequences;
            String key = choices.below(16) == 0 ? choices.text() : study;
            switch (choices.below(4)) {
                case 0 -> topology.advance(Duration.ofMinutes(choices.one()));
                case 1 ->
                    send(DrivenTopology.TOPICS.studyCommands(), key, commands.serialize("", command(study, choices)));
                default -> send(DrivenTopology.TOPICS.scanEvents(), key, scans.serialize("", scan(study, choices)));
            }
            int largest = topology.drain();
            if (largest > LARGEST_RECORD) {
                throw new ViolationException("an output record of " + largest + " bytes would end the worker");
            }
        }
        return Outcome.ACCEPTED;
    }

    private void send(String topic, String key, byte[] value) {
        // What is larger never comes out of a broker.
        if (value.length <= LARGEST_RECORD) {
            topology.pipe(topic, DrivenTopology.bytes(key), value);
        }
    }

    private static StudyCommand command(String study, Choices choices) {
        return StudyCommand.newBuilder()
                .setCommandId(choices.text())
                .setStudyId(study)
                .setKind(choices.of(List.of(CommandKind.values())))
                .setDeadline(choices.below(2) == 0 ? null : time(choices))
                .setIssuedAt(time(choices))
                .build();
    }

    private static ScanEvent scan(String study, Choices choices) {
        ScanEvent.Builder event = Fixtures.event(study, modality(choices), (int) choices.number() >>> choices.below(32))
                .setOperation(choices.of(List.of(ScanOperation.values())));
        if (choices.below(2) == 0) {
            event.setEventId(choices.text());
        }
        if (choices.below(4) == 0) {
            event.setVolume(new VolumeReference(
                    choices.text(), choices.text(), choices.number(), choices.below(2) == 0 ? null : choices.text()));
        } else if (choices.below(8) == 0) {
            event.setVolume(null);
        }
        if (choices.below(4) == 0) {
            event.setDeadline(time(choices)).setAvailableAt(time(choices));
        }
        if (choices.below(4) == 0) {
            event.setPriority((int) choices.number())
                    .setModelFamily(choices.below(2) == 0 ? "brain-glioma" : choices.text());
        }
        if (choices.below(4) == 0) {
            List<String> expected = new ArrayList<>();
            for (int i = choices.one(); i > 0; i--) {
                expected.add(choices.areLeft() ? modality(choices) : "m" + i);
            }
            event.setExpectedModalities(expected);
        }
        Map<String, String> attributes = new HashMap<>();
        for (int i = choices.below(4); i > 0; i--) {
            attributes.put(choices.text(), choices.text());
        }
        return event.setAttributes(attributes).build();
    }

    private static String modality(Choices choices) {
        return choices.below(8) == 0 ? choices.text() : choices.of(MODALITIES);
    }

    private static Instant time(Choices choices) {
        return choices.below(4) == 0 ? Instant.ofEpochMilli(choices.number()) : choices.of(TIMES);
    }

    @Override
    public long allowance(byte[] input) {
        return MOST_STEPS * (4L << 20) + 256L * input.length;
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
