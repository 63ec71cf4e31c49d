package io.cloe.topology.matrix;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.Trigger;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class VerdictTest {

    private static final ArrivalOrder ORDER = new ArrivalOrder(List.of("T2", "T1"));
    private static final Answer RIGHT = answer(0, Trigger.DEADLINE, Map.of("T1", 0, "T2", 0));

    private static Answer answer(int revision, Trigger trigger, Map<String, Integer> used) {
        return new Answer(ORDER.studyId(), revision, Optional.ofNullable(trigger), used);
    }

    private static Verdict on(Answer... answers) {
        return Verdict.on(ORDER, Situation.IDLE, List.of(answers));
    }

    @Test
    void shouldBeCorrectWhenTheOneAnswerIsRight() {
        assertThat(on(RIGHT)).isEqualTo(Verdict.CORRECT);
        assertThat(on(answer(0, null, RIGHT.used()))).isEqualTo(Verdict.CORRECT);
    }

    @Test
    void shouldBeNoneWhenNothingCameOut() {
        assertThat(on()).isEqualTo(Verdict.NONE);
    }

    @Test
    void shouldBeWrongWhenTheRightAnswerCameTwice() {
        assertThat(on(RIGHT, RIGHT)).isEqualTo(Verdict.WRONG);
    }

    @Test
    void shouldBeWrongWhenScansAreMissingOrNeverCame() {
        assertThat(on(answer(0, Trigger.DEADLINE, Map.of("T1", 0)))).isEqualTo(Verdict.WRONG);
        assertThat(on(answer(0, Trigger.DEADLINE, Map.of("T1", 0, "T2", 0, "FLAIR", 0))))
                .isEqualTo(Verdict.WRONG);
    }

    @Test
    void shouldBeWrongWhenItRanForAnotherReasonOrAgain() {
        assertThat(on(answer(0, Trigger.COMPLETE, RIGHT.used()))).isEqualTo(Verdict.WRONG);
        assertThat(on(answer(1, Trigger.DEADLINE, RIGHT.used()))).isEqualTo(Verdict.WRONG);
    }

    @Test
    void shouldBeWrongWhenAnOutdatedScanWasUsed() {
        assertThat(Verdict.on(ORDER, Situation.OUT_OF_ORDER, List.of(RIGHT))).isEqualTo(Verdict.WRONG);
        Answer newest = answer(0, Trigger.DEADLINE, Map.of("T1", 1, "T2", 1));
        assertThat(Verdict.on(ORDER, Situation.OUT_OF_ORDER, List.of(newest))).isEqualTo(Verdict.CORRECT);
    }
}
