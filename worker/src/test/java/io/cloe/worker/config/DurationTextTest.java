package io.cloe.worker.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DurationTextTest {

    @ParameterizedTest
    @CsvSource({
        "1ms, PT0.001S",
        "500ms, PT0.5S",
        "5s, PT5S",
        "15m, PT15M",
        "2h, PT2H",
        "30d, PT720H",
        "36500d, PT876000H",
        "' 5 s ', PT5S",
        "007s, PT7S"
    })
    void shouldReadADurationWhenItHasANumberAndAUnit(String text, Duration expected) {
        assertThat(DurationText.parse(text)).isEqualTo(expected);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "5",
                "s",
                "-5s",
                "+5s",
                "0s",
                "0ms",
                "1.5h",
                "5 minutes",
                "5M",
                "PT5S",
                "1h30m",
                "36501d",
                "999999999d",
                "99999999999999999999s",
                "5s\n5s",
                "٥s"
            })
    void shouldSayWhatIsAllowedWhenTheTextIsNoDuration(String text) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> DurationText.parse(text))
                .withMessage("a positive number with a unit: ms, s, m, h or d, such as 15m; at most 36500d");
    }

    @Test
    void shouldFitIntoNanosecondsWhenItIsTheLongest() {
        assertThat(DurationText.parse("36500d").toNanos()).isPositive();
    }
}
