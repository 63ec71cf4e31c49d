package io.cloe.topology.study;

import static io.cloe.topology.study.Fixtures.START;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.groups.Tuple.tuple;

import io.cloe.schemas.CommandKind;
import io.cloe.schemas.FailureReason;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.StudyCommand;
import io.cloe.schemas.Trigger;
import io.cloe.topology.study.DryRun.Recorded;
import io.cloe.topology.study.DryRun.Report;
import io.cloe.topology.study.DryRun.Result;
import io.cloe.topology.study.DryRun.WithoutResult;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.avro.specific.SpecificRecord;
import org.junit.jupiter.api.Test;

class DryRunTest {

    private static final Duration INFERENCE = Duration.ofSeconds(10);
    private static final Duration TIMEOUT = StudyRules.defaults().timeout();

    private RuleBook book = RuleBook.of(StudyRules.defaults());

    @Test
    void shouldRunAtOnceWhenAllModalitiesWereRecorded() {
        Report report = replay(
                at(0, scan("a", "T1")), at(1, scan("a", "T2")), at(2, scan("a", "FLAIR")), at(60, scan("a", "T1CE")));

        assertThat(report.results())
                .containsExactly(new Result(
                        "a",
                        Optional.empty(),
                        0,
                        Trigger.COMPLETE,
                        List.of("FLAIR", "T1", "T1CE", "T2"),
                        Duration.ofSeconds(60)));
        assertThat(report.withoutResult()).isEmpty();
    }

    @Test
    void shouldFireDeadlinesThatLieAfterTheLastRecord() {
        Report report = replay(at(0, scan("a", "T1")), at(30, scan("b", "T2")));

        assertThat(report.results())
                .extracting(Result::studyId, Result::trigger, Result::waited)
                .containsExactly(tuple("a", Trigger.DEADLINE, TIMEOUT), tuple("b", Trigger.DEADLINE, TIMEOUT));
    }

    @Test
    void shouldMakeARevisionWhenAScanWasLateAndAnotherRunWhenItCameDuringTheJob() {
        long deadline = TIMEOUT.toSeconds();
        Report late = replay(at(0, scan("a", "T1")), at(deadline + 60, scan("a", "T2")));
        assertThat(late.results())
                .extracting(Result::revision, Result::trigger)
                .containsExactly(tuple(0, Trigger.DEADLINE), tuple(1, Trigger.LATE_SCAN));

        Report during = replay(at(0, scan("a", "T1")), at(deadline + 5, scan("a", "T2")));
        assertThat(during.results()).extracting(Result::used).containsExactly(List.of("T1", "T2"));
    }

    @Test
    void shouldObeyRecordedCommands() {
        Report report = replay(
                at(0, scan("a", "T1")),
                at(5, new StudyCommand("c", "a", CommandKind.FORCE, null, null, START)),
                at(0, scan("b", "T1")),
                at(5, new StudyCommand("d", "b", CommandKind.HOLD, null, null, START)));

        assertThat(report.results())
                .extracting(Result::studyId, Result::trigger, Result::waited)
                .containsExactly(tuple("a", Trigger.FORCED, Duration.ofSeconds(5)));
        assertThat(report.withoutResult())
                .containsExactly(
                        new WithoutResult("b", Optional.empty(), StatusReason.HELD_BY_OPERATOR, List.of("T1")));
    }

    @Test
    void shouldSayWhatStillWaitsWhenRequiredModalitiesNeverCame() {
        StudyRules d = StudyRules.defaults();
        book = new RuleBook(
                d,
                List.of(new RuleBook.SpecialRule(
                        "strict",
                        new RuleBook.Condition(Optional.empty(), Map.of("site", Set.of("north"))),
                        Optional.empty(),
                        new StudyRules(
                                d.timeout(),
                                d.longestWait(),
                                d.settle(),
                                d.retention(),
                                RequiredModalities.parse("T1CE"),
                                StudyRules.OnIncomplete.WAIT,
                                d.retry(),
                                d.historyLimit()))));
        ScanEvent north = Fixtures.event("a", "T1", 0)
                .setAttributes(Map.of("site", "north"))
                .build();

        Report report = replay(at(0, north), at(0, scan("b", "T1")));

        assertThat(report.results()).extracting(Result::studyId).containsExactly("b");
        assertThat(report.withoutResult())
                .containsExactly(new WithoutResult(
                        "a", Optional.of("strict"), StatusReason.WAITING_FOR_REQUIRED, List.of("T1")));
    }

    @Test
    void shouldCountWhatWasRefusedAndWhatHadNoEffect() {
        Report report = replay(
                at(0, scan("a", "T1")),
                at(1, scan("a", "T1")),
                at(2, scan("a", "SWI")),
                at(3, Fixtures.event("a", "T2", -1).build()));

        assertThat(report.refused())
                .containsOnly(Map.entry(FailureReason.UNKNOWN_MODALITY, 1), Map.entry(FailureReason.INVALID_EVENT, 1));
        assertThat(report.ignored()).containsOnly(Map.entry(Counted.DUPLICATE_SCAN, 1));
        assertThat(report.results()).hasSize(1);
    }

    private static SpecificRecord scan(String studyId, String modality) {
        return Fixtures.scan(studyId, modality);
    }

    private static Recorded at(long second, SpecificRecord value) {
        String key = value instanceof ScanEvent event ? event.getStudyId() : ((StudyCommand) value).getStudyId();
        return new Recorded(START.plusSeconds(second), key, value);
    }

    private Report replay(Recorded... records) {
        return DryRun.of(book, Fixtures.GLIOMA, INFERENCE, List.of(records));
    }
}
