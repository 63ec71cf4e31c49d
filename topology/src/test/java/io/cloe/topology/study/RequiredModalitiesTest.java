package io.cloe.topology.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RequiredModalitiesTest {

    @ParameterizedTest
    @CsvSource({
        "any, T1, true",
        "any, '', false",
        "T1CE, T1CE, true",
        "T1CE, T1, false",
        "T1CE and (T2 or FLAIR), T1CE T2, true",
        "T1CE and (T2 or FLAIR), T1CE FLAIR, true",
        "T1CE and (T2 or FLAIR), T1CE T1, false",
        "T1CE and (T2 or FLAIR), T2 FLAIR, false",
        "T1 or T2 and FLAIR, T1, true",
        "T1 or T2 and FLAIR, T2, false",
        "(T1 OR T2) AND FLAIR, T2 FLAIR, true",
    })
    void shouldDecideWhenModalitiesArePresent(String rule, String present, boolean satisfied) {
        Set<String> modalities = present.isEmpty() ? Set.of() : Set.of(present.split(" "));
        assertThat(RequiredModalities.parse(rule).satisfiedBy(modalities)).isEqualTo(satisfied);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "T1 and", "and T1", "(T1", "T1)", "T1 T2", "T1 & T2", "T1 or or T2", "()"})
    void shouldSayWhatIsAllowedWhenRuleIsMalformed(String rule) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RequiredModalities.parse(rule))
                .withMessageContaining("allowed: any, or modality names");
    }

    @Test
    void shouldRefuseWhenParenthesesAreTooDeep() {
        assertThat(RequiredModalities.parse("(".repeat(32) + "T1" + ")".repeat(32))
                        .satisfiedBy(Set.of("T1")))
                .isTrue();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RequiredModalities.parse("(".repeat(33) + "T1" + ")".repeat(33)))
                .withMessageContaining("parentheses are more than 32 deep; allowed: ");
    }

    @Test
    void shouldRefuseWithAShortQuoteWhenTheRuleIsTooLong() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RequiredModalities.parse("T1 or ".repeat(1_000) + "T1"))
                .withMessageContaining("more than 4096 characters; allowed: ")
                .satisfies(refusal -> assertThat(refusal.getMessage()).hasSizeLessThan(500));
    }

    @Test
    void shouldDecideWhenAChainIsAsLongAsARuleMayBe() {
        RequiredModalities rule = RequiredModalities.parse("T2 or ".repeat(680) + "T1");
        assertThat(rule.satisfiedBy(Set.of("T1"))).isTrue();
        assertThat(rule.satisfiedBy(Set.of("FLAIR"))).isFalse();
    }

    @Test
    void shouldListNamesWhenTheyMustBeCheckedAgainstTheModel() {
        assertThat(RequiredModalities.parse("T1CE and (T2 or FLAIR)").names())
                .containsExactlyInAnyOrder("T1CE", "T2", "FLAIR");
    }
}
