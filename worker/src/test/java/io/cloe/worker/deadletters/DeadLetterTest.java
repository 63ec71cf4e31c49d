package io.cloe.worker.deadletters;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DeadLetterTest {

    @Test
    void shouldTellReasonAndPlaceWhenTheWorkerWroteTheLetter() {
        DeadLetter letter = Letters.letter(5, Letters.UNREADABLE, Map.of("traceparent", "00-a"));

        assertThat(letter.id()).hasToString("1@5");
        assertThat(letter.at()).isEqualTo(Letters.AT);
        assertThat(letter.reason()).isEqualTo("UNKNOWN_SCHEMA");
        assertThat(letter.source())
                .hasValueSatisfying(source -> assertThat(source).hasToString("study-commands-3@17"));
        assertThat(letter.headers().toArray()).hasSize(1);
        assertThat(letter.headers().lastHeader("traceparent").value())
                .asString()
                .isEqualTo("00-a");
    }

    @Test
    void shouldBelieveNoMessageWhenAnotherProgramsExceptionIsNamed() {
        Headers headers = new RecordHeaders();
        Letters.add(headers, "exception", "java.lang.IllegalStateException");
        Letters.add(headers, "message", "MUELLER: born 1950");
        DeadLetter letter =
                DeadLetter.of(Letters.record(0, null, null, headers)).orElseThrow();

        assertThat(letter.reason()).isEqualTo(DeadLetter.OTHER);
        assertThat(letter.message()).isEmpty();
        assertThat(letter.source()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"a/b,0,1", "scan-events,-1,1", "scan-events,1,x", "scan-events,99999999999,1", "'',1,1"})
    void shouldNameNoPlaceWhenAHeaderIsNoTopicOrNumber(String topic, String partition, String offset) {
        Headers headers = new RecordHeaders();
        Letters.add(headers, "topic", topic);
        Letters.add(headers, "partition", partition);
        Letters.add(headers, "offset", offset);

        assertThat(DeadLetter.of(Letters.record(0, null, null, headers))
                        .orElseThrow()
                        .source())
                .isEmpty();
    }

    @Test
    void shouldTellAMarkFromALetter() {
        Headers mark = new RecordHeaders();
        LetterHeaders.put(mark, LetterHeaders.REDRIVEN, new LetterId(1, 5));
        assertThat(DeadLetter.of(Letters.record(9, null, null, mark))).isEmpty();
        assertThat(DeadLetter.marked(Letters.record(9, null, null, mark))).contains(new LetterId(1, 5));

        // A record that brought such a header along, and could not be read.
        Headers forged = Letters.headers("scan-events", "MALFORMED: ScanEvent");
        LetterHeaders.put(forged, LetterHeaders.REDRIVEN, new LetterId(1, 5));
        assertThat(DeadLetter.marked(Letters.record(9, null, null, forged))).isEmpty();
        assertThat(DeadLetter.of(Letters.record(9, null, null, forged))).isPresent();
    }

    @Test
    void shouldKnowTheFormerLetterWhenARecordFailedAgain() {
        DeadLetter letter = Letters.letter(8, Letters.UNREADABLE, Map.of(LetterHeaders.REDRIVEN_FROM, "1@5"));

        assertThat(letter.redrivenFrom()).contains(new LetterId(1, 5));
        assertThat(letter.headers()).isEmpty();
    }

    @Test
    void shouldShowNeitherKeyNorContentNorHeaders() {
        DeadLetter letter = Letters.letter(5, Letters.UNREADABLE, Map.of("PatientName", "Mueller"));
        Readability.Verdict verdict = Letters.READABILITY.of(letter);

        String shown = LetterView.row(letter, verdict, false)
                + LetterView.lines(letter, verdict, true)
                + LetterView.json(letter, verdict, false);

        assertThat(shown.toLowerCase(java.util.Locale.ROOT)).doesNotContain("mueller", "patient");
        assertThat(shown).contains("UNKNOWN_SCHEMA", "study-commands-3@17", "no known wire form", "unreadable");
    }

    @Test
    void shouldShowTheFingerprintWhenTheValueNamesASchema() {
        DeadLetter letter = Letters.letter(5, Letters.command(), Map.of());

        assertThat(LetterView.lines(letter, Readability.Verdict.READABLE, false))
                .anyMatch(line -> line.matches("value .* schema fingerprint [0-9a-f]{16}"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "1", "1@", "@1", "-1@2", "1@2 ", "1@9999999999999999999"})
    void shouldRefuseWhatIsNoLettersPlace(String text) {
        assertThat(LetterId.parse(text)).isEmpty();
    }

    @Test
    void shouldSayThatThereIsNoCopyWhenTheRecordWasTooLarge() {
        Headers headers = Letters.headers("scan-events", "MALFORMED: ScanEvent");
        Letters.add(headers, "left.out.bytes", "1500000");
        DeadLetter letter =
                DeadLetter.of(Letters.record(0, null, null, headers)).orElseThrow();

        assertThat(letter.valueBytes()).isEqualTo(1_500_000);
        assertThat(Letters.READABILITY.of(letter)).isEqualTo(Readability.Verdict.LEFT_OUT);
    }

    @Test
    void shouldNotBeSentAgainWhenItsTopicIsNoneOfTheInputs() {
        Headers headers = Letters.headers("segmentations", "MALFORMED: Segmentation");
        DeadLetter letter = DeadLetter.of(Letters.record(0, Letters.KEY, Letters.command(), headers))
                .orElseThrow();

        assertThat(Letters.READABILITY.of(letter)).isEqualTo(Readability.Verdict.NOT_AN_INPUT);
        assertThat(new String(letter.key(), StandardCharsets.UTF_8)).isEqualTo("study-mueller");
    }
}
