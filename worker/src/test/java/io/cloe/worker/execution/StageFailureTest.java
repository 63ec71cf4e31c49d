package io.cloe.worker.execution;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.InferenceFault;
import io.cloe.worker.inference.EngineException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class StageFailureTest {

    @Test
    void shouldReportAllFaultsAndLogNothingWhenTheJobItselfIsAtFault() {
        List<InferenceFault> faults = List.of(
                new InferenceFault("T1", FailureReason.UNKNOWN_FAMILY, false),
                new InferenceFault("FLAIR", FailureReason.ENGINE_ERROR, true));
        StageFailure failure = StageFailure.of(new JobFaultException(faults));
        assertThat(failure.faults()).isEqualTo(faults);
        assertThat(failure.words()).isEmpty();
    }

    @ParameterizedTest
    @EnumSource(EngineException.Kind.class)
    void shouldBeTriedAgainUnlessTheStudyIsTheReasonWhenTheEngineFails(EngineException.Kind kind) {
        EngineException thrown = new EngineException(kind, "what happened");
        StageFailure failure = StageFailure.of(thrown);
        boolean again = kind != EngineException.Kind.STUDY_TOO_LARGE && kind != EngineException.Kind.INVALID_INPUT;
        assertThat(failure.faults()).containsExactly(new InferenceFault(null, thrown.reason(), again));
        assertThat(failure.words()).contains("failed: " + kind + " what happened");
    }

    @Test
    void shouldBeTriedAgainWhenTheHeapIsFull() {
        StageFailure failure = StageFailure.of(new OutOfMemoryError("Java heap space"));
        assertThat(failure.faults()).containsExactly(new InferenceFault(null, FailureReason.OUT_OF_MEMORY, true));
        assertThat(failure.words()).contains("ran out of heap");
    }

    @Test
    void shouldNotQuoteTheMessageWhenAnythingElseIsThrown() {
        StageFailure failure = StageFailure.of(new IllegalStateException("patient Jane Doe"));
        assertThat(failure.faults()).containsExactly(new InferenceFault(null, FailureReason.ENGINE_ERROR, true));
        assertThat(failure.words().orElseThrow())
                .startsWith("failed: java.lang.IllegalStateException")
                .contains("StageFailureTest")
                .doesNotContain("Jane");
    }
}
