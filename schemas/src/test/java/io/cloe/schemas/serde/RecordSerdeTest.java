package io.cloe.schemas.serde;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.StudyCommand;
import io.cloe.schemas.serde.UnreadableRecordException.Kind;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import org.apache.avro.message.BinaryMessageEncoder;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RecordSerdeTest {

    private static final int ATTRIBUTES =
            ScanEvent.getClassSchema().getField("attributes").pos();

    private final RecordSerde<ScanEvent> serde = RecordSerde.of(ScanEvent.class);

    static java.util.List<Class<? extends SpecificRecord>> types() {
        return Samples.TYPES;
    }

    @ParameterizedTest
    @MethodSource("types")
    <T extends SpecificRecord> void shouldReadBackEqualRecordWhenWritten(Class<T> type) {
        RecordSerde<T> typed = RecordSerde.of(type);
        for (long seed = 0; seed < 20; seed++) {
            T record = Samples.random(type, seed);
            assertThat(typed.deserialize("any", typed.serialize("any", record))).isEqualTo(record);
        }
    }

    @ParameterizedTest
    @MethodSource("types")
    <T extends SpecificRecord> void shouldWriteWhatAvrosOwnMessageEncoderWrites(Class<T> type) throws IOException {
        SpecificData model = SpecificData.getForClass(type);
        BinaryMessageEncoder<T> avro = new BinaryMessageEncoder<>(model, model.getSchema(type));
        for (long seed = 0; seed < 100; seed++) {
            T record = Samples.random(type, seed);
            ByteArrayOutputStream expected = new ByteArrayOutputStream();
            avro.encode(record, expected);
            assertThat(RecordSerde.of(type).serialize("any", record)).isEqualTo(expected.toByteArray());
        }
    }

    @Test
    void shouldWriteTheNextRecordWhenOneCouldNotBeWritten() {
        ScanEvent whole = Samples.random(ScanEvent.class, 1);
        byte[] expected = serde.serialize("any", whole);
        ScanEvent broken = Samples.random(ScanEvent.class, 2);
        broken.put(ATTRIBUTES, null);

        assertThatThrownBy(() -> serde.serialize("any", broken)).isInstanceOf(NullPointerException.class);
        assertThat(serde.serialize("any", whole)).isEqualTo(expected);
    }

    @Test
    void shouldWriteTheNextRecordWhenOneWasLarge() {
        ScanEvent whole = Samples.random(ScanEvent.class, 1);
        byte[] expected = serde.serialize("any", whole);
        ScanEvent large = Samples.random(ScanEvent.class, 2);
        large.put(ATTRIBUTES, Map.of("a", "x".repeat(1 << 17)));

        assertThat(serde.deserialize("any", serde.serialize("any", large))).isEqualTo(large);
        assertThat(serde.serialize("any", whole)).isEqualTo(expected);
    }

    @Test
    void shouldKeepTombstoneWhenValueIsNull() {
        assertThat(serde.serialize("any", null)).isNull();
        assertThat(serde.deserialize("any", null)).isNull();
    }

    @Test
    void shouldNameWireFormWhenBytesAreNotAvro() {
        assertRefused("{\"studyId\":\"s\"}".getBytes(java.nio.charset.StandardCharsets.UTF_8), Kind.UNKNOWN_WIRE_FORM);
        assertRefused(new byte[0], Kind.UNKNOWN_WIRE_FORM);
    }

    @Test
    void shouldNameRegistryWhenBytesCarryARegistrysMarker() {
        assertRefused(new byte[] {0, 0, 0, 0, 7, 2, 2}, Kind.REGISTRY_NOT_CONFIGURED);
    }

    @Test
    void shouldNameSchemaWhenAnotherRecordIsSent() {
        byte[] command = RecordSerde.of(StudyCommand.class).serialize("any", Samples.random(StudyCommand.class, 1));
        assertRefused(command, Kind.UNKNOWN_SCHEMA);
    }

    @Test
    void shouldRefuseWhenBytesAreCutOrAppended() {
        byte[] whole = serde.serialize("any", Samples.random(ScanEvent.class, 3));
        for (int length = 10; length < whole.length; length++) {
            assertRefused(Arrays.copyOf(whole, length), Kind.MALFORMED);
        }
        assertRefused(Arrays.copyOf(whole, whole.length + 1), Kind.MALFORMED);
    }

    @Test
    void shouldRefuseOrReadWhenBodyIsRandom() {
        byte[] header = Arrays.copyOf(serde.serialize("any", Samples.random(ScanEvent.class, 3)), 10);
        Random random = new Random(7);
        int refused = 0;
        for (int i = 0; i < 5_000; i++) {
            byte[] bytes = Arrays.copyOf(header, 10 + random.nextInt(200));
            for (int at = 10; at < bytes.length; at++) {
                bytes[at] = (byte) random.nextInt(256);
            }
            try {
                serde.deserialize("any", bytes);
            } catch (UnreadableRecordException e) {
                refused++;
            }
        }
        assertThat(refused).isGreaterThan(4_900);
    }

    private void assertRefused(byte[] bytes, Kind kind) {
        assertThatThrownBy(() -> serde.deserialize("any", bytes))
                .isInstanceOfSatisfying(UnreadableRecordException.class, refusal -> assertThat(refusal.kind())
                        .isEqualTo(kind));
    }
}
