package io.cloe.schemas.serde;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.ScanEvent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.SchemaCompatibility.SchemaCompatibilityType;
import org.apache.avro.specific.SpecificRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Guards messages that were written by earlier builds.
 *
 * <p>After an intended, additive change of a schema run {@code mvn -pl schemas test -Dcloe.schemas.accept}: it writes the new
 * version beside the old ones, and a golden message for it. Existing files are never changed.
 */
class CompatibilityTest {

    private static final Path KNOWN = Path.of("src/main/resources/io/cloe/schemas/known");
    private static final Path GOLDEN = Path.of("src/test/resources/golden");
    private static final long GOLDEN_SEED = 20261123;

    static List<Class<? extends SpecificRecord>> types() {
        return Samples.TYPES;
    }

    @ParameterizedTest
    @MethodSource("types")
    <T extends SpecificRecord> void shouldListCurrentSchemaWhenBuilt(Class<T> type) throws IOException {
        Schema current = Samples.schemaOf(type);
        List<Schema> versions = KnownSchemas.versionsOf(current);
        boolean listed =
                !versions.isEmpty() && versions.get(versions.size() - 1).equals(current);
        if (!listed && System.getProperty("cloe.schemas.accept") != null) {
            String version = current.getName() + "-" + (versions.size() + 1);
            Files.createDirectories(GOLDEN);
            Files.writeString(KNOWN.resolve(version + ".avsc"), current.toString(true) + "\n");
            byte[] message = RecordSerde.of(type).serialize("any", Samples.random(type, GOLDEN_SEED));
            Files.write(GOLDEN.resolve(version + ".bin"), message);
            return;
        }
        assertThat(listed)
                .as("%s changed: run the tests once with -Dcloe.schemas.accept", current.getName())
                .isTrue();
    }

    @ParameterizedTest
    @MethodSource("types")
    <T extends SpecificRecord> void shouldReadGoldenMessagesWhenWrittenByAnyEarlierVersion(Class<T> type)
            throws IOException {
        Schema current = Samples.schemaOf(type);
        RecordSerde<T> serde = RecordSerde.of(type);
        List<Schema> versions = KnownSchemas.versionsOf(current);
        assertThat(versions).isNotEmpty();
        for (int version = 1; version <= versions.size(); version++) {
            byte[] golden = Files.readAllBytes(GOLDEN.resolve(current.getName() + "-" + version + ".bin"));
            T record = serde.deserialize("any", golden);
            if (version == versions.size()) {
                assertThat(record).isEqualTo(Samples.random(type, GOLDEN_SEED));
                assertThat(serde.serialize("any", record)).isEqualTo(golden);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("types")
    <T extends SpecificRecord> void shouldReadAllEarlierVersionsWhenSchemaEvolved(Class<T> type) {
        Schema current = Samples.schemaOf(type);
        for (Schema earlier : KnownSchemas.versionsOf(current)) {
            assertThat(SchemaCompatibility.checkReaderWriterCompatibility(current, earlier)
                            .getType())
                    .isEqualTo(SchemaCompatibilityType.COMPATIBLE);
            assertThat(SchemaCompatibility.checkReaderWriterCompatibility(earlier, current)
                            .getType())
                    .as("consumers on the earlier version must read new messages")
                    .isEqualTo(SchemaCompatibilityType.COMPATIBLE);
        }
    }

    /** The bytes were written by Python's fastavro with the README's snippet. */
    @Test
    void shouldReadEventWhenAnotherLanguageWroteIt() throws IOException {
        byte[] message = Files.readAllBytes(GOLDEN.resolve("ScanEvent-from-fastavro.bin"));
        ScanEvent event = RecordSerde.of(ScanEvent.class).deserialize("any", message);
        assertThat(event.getStudyId()).isEqualTo("study-17");
        assertThat(event.getModality()).isEqualTo("FLAIR");
        assertThat(event.getVolume().getFormat()).isEqualTo("nifti");
    }
}
