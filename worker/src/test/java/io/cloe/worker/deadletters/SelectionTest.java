package io.cloe.worker.deadletters;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SelectionTest {

    private final DeadLetter letter = Letters.letter(5, Letters.command(), Map.of());

    private static Selection of(String letter, String reason, String topic) {
        return new Selection(
                letter == null ? Set.of() : Set.of(LetterId.parse(letter).orElseThrow()),
                reason == null ? Set.of() : Set.of(reason),
                topic == null ? Set.of() : Set.of(topic),
                Optional.empty(),
                Optional.empty());
    }

    @Test
    void shouldIncludeALetterOnlyWhenEveryConditionHolds() {
        assertThat(Selection.ALL.includes(letter)).isTrue();
        assertThat(of("1@5", "UNKNOWN_SCHEMA", "study-commands").includes(letter))
                .isTrue();
        assertThat(of("1@6", null, null).includes(letter)).isFalse();
        assertThat(of("1@5", "MALFORMED", null).includes(letter)).isFalse();
        assertThat(of(null, null, "scan-events").includes(letter)).isFalse();
    }

    @Test
    void shouldIncludeItsStartButNotItsEnd() {
        Selection from = new Selection(Set.of(), Set.of(), Set.of(), Optional.of(Letters.AT), Optional.empty());
        Selection before = new Selection(Set.of(), Set.of(), Set.of(), Optional.empty(), Optional.of(Letters.AT));
        Selection later =
                new Selection(Set.of(), Set.of(), Set.of(), Optional.of(Letters.AT.plusMillis(1)), Optional.empty());

        assertThat(from.includes(letter)).isTrue();
        assertThat(before.includes(letter)).isFalse();
        assertThat(later.includes(letter)).isFalse();
    }
}
