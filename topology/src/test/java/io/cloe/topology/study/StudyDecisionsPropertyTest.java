package io.cloe.topology.study;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.CommandKind;
import io.cloe.schemas.FailureReason;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyCommand;
import io.cloe.schemas.StudyPhase;
import io.cloe.schemas.StudyTimer;
import io.cloe.topology.study.StudyInput.CommandGiven;
import io.cloe.topology.study.StudyInput.JobEnded;
import io.cloe.topology.study.StudyInput.ScanArrived;
import io.cloe.topology.study.StudyInput.TimerDue;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

/** What holds for any sequence of events, commands, results and clock steps. */
class StudyDecisionsPropertyTest {

    private static final StudyRules RULES = StudyRules.defaults();

    private final StudyDecisions decisions = new StudyDecisions(RuleBook.of(RULES), Fixtures.GLIOMA);

    @Property(tries = 2_000)
    void shouldKeepItsPromisesWhateverHappens(@ForAll long seed, @ForAll @IntRange(min = 1, max = 120) int steps) {
        History history = new History();
        Random random = new Random(seed);
        for (int step = 0; step < steps; step++) {
            history.step(random);
        }
        history.drain();
        assertRevisionsWithoutGaps(history.published);
        history.study.ifPresent(this::assertAtRest);
    }

    @Property(tries = 500)
    void shouldEndInTheSameScansWhateverTheOrder(@ForAll long seed) {
        Random random = new Random(seed);
        List<ScanEvent> events = new ArrayList<>();
        for (String modality : Fixtures.MODALITIES) {
            for (int revision = 0; revision <= random.nextInt(3); revision++) {
                events.add(
                        random.nextInt(4) == 0
                                ? Fixtures.retracted("s", modality, revision)
                                : Fixtures.event("s", modality, revision).build());
            }
        }
        assertThat(scansAfter(shuffled(events, random))).isEqualTo(scansAfter(shuffled(events, random)));
    }

    private List<Object> scansAfter(List<ScanEvent> events) {
        Optional<Study> study = Optional.empty();
        for (ScanEvent event : events) {
            study = decisions
                    .apply(study, new ScanArrived(event, null), Fixtures.START)
                    .after();
        }
        return List.of(study.orElseThrow().scans(), study.orElseThrow().usableModalities());
    }

    private static List<ScanEvent> shuffled(List<ScanEvent> events, Random random) {
        List<ScanEvent> copy = new ArrayList<>(events);
        java.util.Collections.shuffle(copy, random);
        return copy;
    }

    private static void assertRevisionsWithoutGaps(List<Segmentation> published) {
        for (int i = 0; i < published.size(); i++) {
            assertThat(published.get(i).getRevision()).isEqualTo(i);
        }
    }

    /** With all jobs done and all due timers fired, a usable scan has led to a result, a failure, a hold or a wait. */
    private void assertAtRest(Study study) {
        assertThat(study.runningJob()).isEmpty();
        assertThat(study.phase()).isNotEqualTo(StudyPhase.QUEUED);
        assertThat(study.history()).hasSizeLessThanOrEqualTo(RULES.historyLimit());
        boolean ended = study.phase() == StudyPhase.SEGMENTED && study.currentResultHolds()
                || study.phase() == StudyPhase.FAILED
                || study.phase() == StudyPhase.HELD
                || study.phase() == StudyPhase.WITHDRAWN
                || study.reason() == StatusReason.CANCELLED_BY_OPERATOR;
        assertThat(ended).as("%s", study).isTrue();
    }

    /** A study with the world around it: an executor that may answer late, and a clock. */
    private final class History {

        private final List<Segmentation> published = new ArrayList<>();
        private final List<InferenceJob> handedOut = new ArrayList<>();
        private Optional<Study> study = Optional.empty();
        private Instant now = Fixtures.START;

        void step(Random random) {
            now = now.plusSeconds(random.nextInt(300));
            switch (random.nextInt(8)) {
                case 0, 1, 2, 3 -> apply(new ScanArrived(anyScan(random), null));
                case 4 -> apply(new CommandGiven(anyCommand(random)));
                case 5, 6 -> answer(random);
                default -> fireIfDue();
            }
        }

        private ScanEvent anyScan(Random random) {
            String modality = Fixtures.MODALITIES.get(random.nextInt(4));
            int revision = random.nextInt(4);
            return random.nextInt(6) == 0
                    ? Fixtures.retracted("s", modality, revision)
                    : Fixtures.event("s", modality, revision).build();
        }

        private StudyCommand anyCommand(Random random) {
            CommandKind kind = CommandKind.values()[random.nextInt(CommandKind.values().length)];
            Instant deadline = random.nextBoolean() ? now.plusSeconds(random.nextInt(1_000)) : null;
            return new StudyCommand("c", "s", kind, deadline, null, now);
        }

        /** Answers any job that was ever handed out, wanted or not. */
        private void answer(Random random) {
            if (handedOut.isEmpty()) {
                return;
            }
            InferenceJob job = handedOut.get(random.nextInt(handedOut.size()));
            String modality = job.getScans()
                    .get(random.nextInt(job.getScans().size()))
                    .getScan()
                    .getModality();
            apply(new JobEnded(
                    random.nextInt(3) > 0
                            ? Fixtures.outcome(job, now)
                            : Fixtures.fault(
                                    job,
                                    random.nextInt(4) == 0 ? null : modality,
                                    FailureReason.VOLUME_IO,
                                    random.nextBoolean(),
                                    now)));
        }

        private void fireIfDue() {
            Optional<StudyTimer> timer = study.flatMap(Study::timer);
            if (timer.isPresent() && !timer.get().getDue().isAfter(now)) {
                apply(new TimerDue(timer.get()));
            }
        }

        /** Lets everything that is under way come to its end, short of the retention. */
        void drain() {
            for (int i = 0; i < 1_000; i++) {
                Optional<InferenceJob> job = study.flatMap(Study::runningJob);
                if (job.isPresent()) {
                    apply(new JobEnded(Fixtures.outcome(job.get(), now)));
                    continue;
                }
                Optional<StudyTimer> timer = study.flatMap(Study::timer)
                        .filter(waiting -> waiting.getKind() != io.cloe.schemas.TimerKind.RETENTION);
                if (timer.isEmpty()) {
                    return;
                }
                now = timer.get().getDue().isAfter(now) ? timer.get().getDue() : now;
                apply(new TimerDue(timer.get()));
            }
            throw new AssertionError("never comes to rest: " + study);
        }

        private void apply(StudyInput input) {
            Optional<InferenceJob> wanted = study.flatMap(Study::runningJob);
            Transition transition = decisions.apply(study, input, now);
            transition.publication().ifPresent(publication -> {
                assertThat(input).isInstanceOf(JobEnded.class);
                assertThat(((JobEnded) input).result().getJobId())
                        .isEqualTo(wanted.orElseThrow().getJobId());
                published.add(publication.segmentation());
            });
            transition.difference().jobToQueue().ifPresent(handedOut::add);
            study = transition.after().map(now -> StudyCodec.fromState(StudyCodec.toState(now)));
            assertThat(study).isEqualTo(transition.after());
        }
    }
}
