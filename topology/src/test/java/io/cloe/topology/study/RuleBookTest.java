package io.cloe.topology.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.JobScan;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.StudyPhase;
import io.cloe.schemas.StudyTimer;
import io.cloe.schemas.Trigger;
import io.cloe.topology.study.ModelFamilies.ModelFamily;
import io.cloe.topology.study.RuleBook.Condition;
import io.cloe.topology.study.RuleBook.SpecialRule;
import io.cloe.topology.study.StudyInput.ScanArrived;
import io.cloe.topology.study.StudyInput.TimerDue;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class RuleBookTest {

    private static final ModelFamilies FAMILIES = ModelFamilies.of(List.of(
            new ModelFamily("brain-glioma", Fixtures.MODALITIES), new ModelFamily("prostate", List.of("T2", "ADC"))));
    private static final StudyRules GENERAL = StudyRules.defaults();
    private static final Duration URGENT = Duration.ofMinutes(2);
    private static final Duration NORTH = Duration.ofMinutes(40);
    private static final Instant NOW = Fixtures.START;

    private final RuleBook book = new RuleBook(
            GENERAL,
            List.of(
                    new SpecialRule(
                            "urgent",
                            new Condition(Optional.empty(), Map.of("urgency", Set.of("stat", "urgent"))),
                            Optional.empty(),
                            rules(URGENT, "any")),
                    new SpecialRule(
                            "prostate protocol",
                            new Condition(Optional.empty(), Map.of("protocol", Set.of("prostate"))),
                            Optional.of("prostate"),
                            rules(GENERAL.timeout(), "T2")),
                    new SpecialRule(
                            "prostate",
                            new Condition(Optional.of("prostate"), Map.of()),
                            Optional.empty(),
                            rules(Duration.ofHours(1), "T2 and ADC")),
                    new SpecialRule(
                            "north",
                            new Condition(Optional.of("brain-glioma"), Map.of("site", Set.of("north"))),
                            Optional.empty(),
                            rules(NORTH, "T1CE"))));
    private final StudyDecisions decisions = new StudyDecisions(book, FAMILIES);

    @Test
    void shouldFollowTheGeneralRulesWhenNoSpecialOneFits() {
        Study study = after(List.of(event("T1", Map.of("site", "south"))));
        assertThat(study.rule()).isEmpty();
        assertThat(study.deadline()).contains(NOW.plus(GENERAL.timeout()));
    }

    @Test
    void shouldWaitAsLongAsItsRuleSaysWhenAnAttributeMatches() {
        Study study = after(List.of(event("T1", Map.of("site", "north"))));
        assertThat(study.rule()).contains("north");
        assertThat(study.deadline()).contains(NOW.plus(NORTH));
    }

    @Test
    void shouldFollowTheRuleNearerToTheTopWhenAFurtherEventSatisfiesIt() {
        Study study = after(List.of(event("T1", Map.of("site", "north")), event("T2", Map.of("urgency", "stat"))));
        assertThat(study.rule()).contains("urgent");
        assertThat(study.deadline()).contains(NOW.plus(URGENT));
    }

    @Test
    void shouldRunAtOnceWhenTheNewRulesTimeoutHasPassedAlready() {
        Study waiting = after(List.of(event("T1", Map.of("site", "north"))));
        Study study = decisions
                .apply(
                        Optional.of(waiting),
                        new ScanArrived(event("T2", Map.of("urgency", "stat")), null),
                        NOW.plus(URGENT.multipliedBy(3)))
                .after()
                .orElseThrow();
        assertThat(study.phase()).isEqualTo(StudyPhase.QUEUED);
        assertThat(study.job().map(InferenceJob::getTrigger)).contains(Trigger.DEADLINE);
    }

    @Test
    void shouldKeepADeadlineThatAnEventNamedWhenTheRuleChanges() {
        Instant named = NOW.plusSeconds(7_000);
        ScanEvent first = Fixtures.event("s", "T1", 0).setDeadline(named).build();
        Study study = after(List.of(first, event("T2", Map.of("site", "north"))));
        assertThat(study.rule()).contains("north");
        assertThat(study.deadline()).contains(named);
    }

    @Test
    void shouldAskForWhatItsRuleRequiresWhenTheDeadlineComes() {
        Study waiting = after(List.of(event("T1", Map.of("site", "north"))));
        assertThat(atDeadline(waiting).reason()).isEqualTo(StatusReason.WAITING_FOR_REQUIRED);
        Study general = after(List.of(event("T1", Map.of())));
        assertThat(atDeadline(general).phase()).isEqualTo(StudyPhase.QUEUED);
    }

    @Test
    void shouldChooseTheFamilyWhenTheRuleNamesOneAndTheEventNone() {
        Study study = after(List.of(event("ADC", Map.of("protocol", "prostate")), event("T2", Map.of())));
        assertThat(study.family()).isEqualTo("prostate");
        assertThat(study.job().orElseThrow().getTrigger()).isEqualTo(Trigger.COMPLETE);
        assertThat(study.job().orElseThrow().getScans())
                .extracting(JobScan::getScan)
                .extracting("modality")
                .containsExactlyInAnyOrder("T2", "ADC");
    }

    @Test
    void shouldFollowTheRuleOfAFamilyWhenTheEventNamesIt() {
        ScanEvent event =
                Fixtures.event("s", "T2", 0).setModelFamily("prostate").build();
        assertThat(after(List.of(event)).rule()).contains("prostate");
    }

    @Test
    void shouldNotFollowARuleThatChoosesAnotherFamilyThanTheEventNames() {
        ScanEvent event = Fixtures.event("s", "T2", 0)
                .setModelFamily("brain-glioma")
                .setAttributes(Map.of("protocol", "prostate"))
                .build();
        Study study = after(List.of(event));
        assertThat(study.family()).isEqualTo("brain-glioma");
        assertThat(study.rule()).isEmpty();
    }

    @Test
    void shouldRefuseAnEventWhenItsFamilyIsNotItsStudys() {
        Optional<Study> glioma = Optional.of(after(List.of(event("T1", Map.of()))));
        assertThat(decisions.refusal(glioma, event("T2", Map.of("protocol", "prostate"))))
                .contains(FailureReason.INVALID_EVENT);
        assertThat(decisions.refusal(glioma, event("ADC", Map.of()))).contains(FailureReason.UNKNOWN_MODALITY);
        ScanEvent unknown = Fixtures.event("s", "T2", 0).setModelFamily("knee").build();
        assertThat(decisions.refusal(glioma, unknown)).contains(FailureReason.UNKNOWN_FAMILY);
        assertThat(decisions.refusal(glioma, event("T2", Map.of()))).isEmpty();
    }

    @Test
    void shouldFollowTheGeneralRulesWhenItsRuleWasDeleted() {
        Study study = after(List.of(event("T1", Map.of("site", "north"))));
        StudyDecisions without = new StudyDecisions(RuleBook.of(GENERAL), FAMILIES);
        Study next = without.apply(
                        Optional.of(study), new TimerDue(study.timer().orElseThrow()), NOW.plus(NORTH))
                .after()
                .orElseThrow();
        assertThat(next.job().map(InferenceJob::getTrigger)).contains(Trigger.DEADLINE);
    }

    @Test
    void shouldRefuseTwoRulesOfOneName() {
        SpecialRule rule = book.special().get(0);
        assertThatThrownBy(() -> new RuleBook(GENERAL, List.of(rule, rule)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("two rules are named urgent; allowed: unique names");
    }

    /** Rule, deadline and family come out the same, whichever event of a study arrives first. */
    @Property(tries = 300)
    void shouldFollowTheSameRuleWhateverTheOrderOfArrival(@ForAll long seed) {
        Random random = new Random(seed);
        List<ScanEvent> events = new ArrayList<>();
        for (String modality : List.of("T1", "T1CE", "FLAIR")) {
            events.add(event(
                    modality,
                    Map.of(
                            "site", random.nextBoolean() ? "north" : "south",
                            "urgency", random.nextInt(3) == 0 ? "urgent" : "routine")));
        }
        Study one = after(events);
        Collections.shuffle(events, random);
        Study other = after(events);
        assertThat(other.rule()).isEqualTo(one.rule());
        assertThat(other.deadline()).isEqualTo(one.deadline());
    }

    private Study atDeadline(Study study) {
        StudyTimer timer = study.timer().orElseThrow();
        return decisions
                .apply(Optional.of(study), new TimerDue(timer), timer.getDue())
                .after()
                .orElseThrow();
    }

    private Study after(List<ScanEvent> events) {
        Optional<Study> study = Optional.empty();
        for (ScanEvent event : events) {
            assertThat(decisions.refusal(study, event)).isEmpty();
            study = decisions.apply(study, new ScanArrived(event, null), NOW).after();
        }
        return study.orElseThrow();
    }

    private static ScanEvent event(String modality, Map<String, String> attributes) {
        return Fixtures.event("s", modality, 0).setAttributes(attributes).build();
    }

    private static StudyRules rules(Duration timeout, String required) {
        return new StudyRules(
                timeout,
                GENERAL.longestWait(),
                GENERAL.settle(),
                GENERAL.retention(),
                RequiredModalities.parse(required),
                StudyRules.OnIncomplete.WAIT,
                GENERAL.retry(),
                GENERAL.historyLimit());
    }
}
