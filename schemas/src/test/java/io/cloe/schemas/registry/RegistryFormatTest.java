package io.cloe.schemas.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.ScanOperation;
import io.cloe.schemas.StudyStatus;
import io.cloe.schemas.VolumeReference;
import io.cloe.schemas.registry.RegistryException.Kind;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.schemas.serde.UnreadableRecordException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.apache.kafka.common.serialization.Serde;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RegistryFormatTest {

    private static final ScanEvent EVENT = ScanEvent.newBuilder()
            .setEventId("event")
            .setStudyId("study")
            .setModality("T1")
            .setOperation(ScanOperation.AVAILABLE)
            .setVolume(new VolumeReference("file:///volumes/t1.nii.gz", "nifti", null, null))
            .setAvailableAt(Instant.now().truncatedTo(ChronoUnit.MILLIS))
            .build();

    private final StubRegistry registry = new StubRegistry();
    private final RegistrySettings settings =
            RegistrySettings.of(registry.url()).withTimes(Duration.ofSeconds(5), Duration.ofSeconds(20));

    @AfterEach
    void stop() {
        registry.close();
    }

    private Serde<ScanEvent> serde() {
        return serde(settings);
    }

    private static Serde<ScanEvent> serde(RegistrySettings settings) {
        return new RegistryFormat(settings).of(ScanEvent.class);
    }

    private static byte[] write(Serde<ScanEvent> serde) {
        return serde.serializer().serialize("scans", EVENT);
    }

    private static Kind refusal(Runnable call) {
        return catchThrowableOfType(RegistryException.class, call::run).kind();
    }

    @Test
    void shouldWriteMarkerIdAndBodyWhenTheSchemaIsRegistered() {
        byte[] bytes = write(serde());

        byte[] singleObject = RecordSerde.of(ScanEvent.class).serialize("scans", EVENT);
        assertThat(bytes[0]).isZero();
        assertThat(ByteBuffer.wrap(bytes).getInt(1)).isEqualTo(700);
        assertThat(Arrays.copyOfRange(bytes, 5, bytes.length))
                .isEqualTo(Arrays.copyOfRange(singleObject, 10, singleObject.length));
        assertThat(registry.requests).containsExactly("POST /subjects/scans-value/versions");
    }

    @Test
    void shouldReadBothFormsWhenARegistryIsConfigured() {
        byte[] ofRegistry = write(serde());
        byte[] singleObject = RecordSerde.of(ScanEvent.class).serialize("scans", EVENT);
        Serde<ScanEvent> reader = serde();

        assertThat(reader.deserializer().deserialize("scans", ofRegistry)).isEqualTo(EVENT);
        assertThat(reader.deserializer().deserialize("scans", singleObject)).isEqualTo(EVENT);
        assertThat(reader.deserializer().deserialize("scans", null)).isNull();
        assertThat(reader.serializer().serialize("scans", null)).isNull();
    }

    @Test
    void shouldAskOncePerSchemaWhenManyRecordsCome() {
        Serde<ScanEvent> serde = serde();
        for (int record = 0; record < 50; record++) {
            serde.deserializer().deserialize("scans", write(serde));
        }

        assertThat(registry.requests).containsExactly("POST /subjects/scans-value/versions", "GET /schemas/ids/700");
    }

    @Test
    void shouldNameTheSubjectByTheStrategy() {
        for (SubjectStrategy strategy : SubjectStrategy.values()) {
            write(serde(settings.withSubjects(strategy)));
        }

        assertThat(registry.requests)
                .containsExactly(
                        "POST /subjects/scans-value/versions",
                        "POST /subjects/io.cloe.schemas.ScanEvent/versions",
                        "POST /subjects/scans-io.cloe.schemas.ScanEvent/versions");
    }

    @Test
    void shouldUseOnlyWhatIsThereWhenItMayNotRegister() {
        RegistrySettings readOnly = settings.withAutoRegister(false);
        assertThat(refusal(() -> write(serde(readOnly)))).isEqualTo(Kind.NOT_FOUND);

        int id = registry.add("scans-value", ScanEvent.getClassSchema().toString());
        assertThat(ByteBuffer.wrap(write(serde(readOnly))).getInt(1)).isEqualTo(id);
        assertThat(registry.requests).noneMatch(request -> request.equals("POST /subjects/scans-value/versions"));
    }

    /** Tools that register schemas often leave out documentation, or Java's properties. */
    @Test
    void shouldFindASchemaThatDiffersInDocumentationOnlyWhenItMayNotRegister() {
        String text = ScanEvent.getClassSchema().toString().replace(",\"avro.java.string\":\"String\"", "");
        int id = registry.add("scans-value", text);

        assertThat(ByteBuffer.wrap(write(serde(settings.withAutoRegister(false))))
                        .getInt(1))
                .isEqualTo(id);
    }

    @Test
    void shouldSayWhatIsInTheWayWhenTheSubjectRefusesTheSchema() {
        registry.refuseSchemas();

        assertThatThrownBy(() -> new RegistryFormat(settings).prepare("scans", ScanEvent.class))
                .isInstanceOf(RegistryException.class)
                .hasMessageContainingAll("INCOMPATIBLE", "scans-value", "READER_FIELD_MISSING");
        assertThat(registry.requests).noneMatch(request -> request.endsWith("/versions"));
    }

    @Test
    void shouldNeedNoRegistryWhenItWasPrepared() {
        RegistryFormat format = new RegistryFormat(settings);
        format.prepare("scans", ScanEvent.class);
        registry.close();

        assertThat(write(format.of(ScanEvent.class))).startsWith(0);
    }

    @Test
    void shouldAskAgainWhenTheRegistryFailsForAWhile() {
        registry.fail(3, 503);

        assertThat(write(serde())).startsWith(0);
        assertThat(registry.requests).hasSize(4);
    }

    @Test
    void shouldAskAgainWhenTheRegistryIsNotUpYetAtTheStart() {
        registry.fail(3, 503);

        new RegistryFormat(settings).prepare("scans", ScanEvent.class);

        assertThat(registry.requests).hasSizeGreaterThan(4);
    }

    @Test
    void shouldGiveUpTypedWhenTheRegistryIsGone() {
        RegistrySettings impatient = settings.withTimes(Duration.ofSeconds(2), Duration.ofMillis(300));
        byte[] bytes = write(serde());
        registry.close();

        assertThat(refusal(() -> write(serde(impatient)))).isEqualTo(Kind.UNREACHABLE);
        assertThat(refusal(() -> serde(impatient).deserializer().deserialize("scans", bytes)))
                .isEqualTo(Kind.UNREACHABLE);
    }

    @Test
    void shouldAskTheNextAddressWhenOneIsGone() {
        RegistrySettings two = new RegistrySettings(
                List.of(URI.create("http://127.0.0.1:1"), registry.url()),
                Optional.empty(),
                Optional.empty(),
                SubjectStrategy.TOPIC_NAME,
                true,
                Duration.ofSeconds(2),
                Duration.ZERO);

        assertThat(write(serde(two))).startsWith(0);
    }

    @Test
    void shouldSendCredentialsAndKeepThemOutOfMessages() {
        RegistrySettings secret = settings.withAuthorization("Bearer geheim");
        write(serde(secret));
        assertThat(registry.authorizations).containsExactly("Bearer geheim");

        registry.fail(1, 401);
        assertThatThrownBy(() -> write(serde(secret)))
                .isInstanceOf(RegistryException.class)
                .hasMessageStartingWith("UNAUTHORISED")
                .hasMessageNotContaining("geheim");
        assertThat(secret.toString()).doesNotContain("geheim");
    }

    @Test
    void shouldCallTheRecordUnreadableWhenTheRegistryDoesNotKnowItsSchema() {
        assertUnreadable(new byte[] {0, 0, 0, 1, 1, 2}, UnreadableRecordException.Kind.UNKNOWN_SCHEMA);
    }

    @Test
    void shouldCallTheRecordUnreadableWhenItIsCutOffOrTooLongOrOfAnotherType() {
        byte[] bytes = write(serde());
        assertUnreadable(new byte[] {0, 0, 0}, UnreadableRecordException.Kind.MALFORMED);
        assertUnreadable(Arrays.copyOf(bytes, bytes.length - 3), UnreadableRecordException.Kind.MALFORMED);
        assertUnreadable(Arrays.copyOf(bytes, bytes.length + 1), UnreadableRecordException.Kind.MALFORMED);

        int other = registry.add("x", StudyStatus.getClassSchema().toString());
        assertUnreadable(
                ByteBuffer.wrap(bytes.clone()).putInt(1, other).array(), UnreadableRecordException.Kind.UNKNOWN_SCHEMA);
    }

    private void assertUnreadable(byte[] bytes, UnreadableRecordException.Kind kind) {
        UnreadableRecordException failure = catchThrowableOfType(
                UnreadableRecordException.class, () -> serde().deserializer().deserialize("scans", bytes));
        assertThat(failure.kind()).isEqualTo(kind);
    }
}
