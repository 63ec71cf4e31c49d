package io.cloe.topology.study;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceOutcome;
import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.JobScan;
import io.cloe.schemas.MaskReference;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyCommand;
import io.cloe.schemas.StudyTimer;
import io.cloe.schemas.TimerKind;
import io.cloe.schemas.Trigger;
import io.cloe.topology.study.StudyInput.CommandGiven;
import io.cloe.topology.study.StudyInput.JobEnded;
import io.cloe.topology.study.StudyInput.ScanArrived;
import io.cloe.topology.study.StudyInput.TimerDue;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import org.apache.avro.specific.SpecificRecord;

/**
 * What study rules would have made of recorded events: the same decisions, in simulated time. Nothing is read, inferred or
 * published. Every job is assumed to succeed and to take the same time, with no queue before the device; so the answer is about
 * the rules alone. Timers that were still waiting at the end of the recording fire, but for the retention. For one thread.
 */
public final class DryRun {

    private static final InferenceOutcome SUCCESS = InferenceOutcome.newBuilder()
            .setModel(new ModelReference("", "dry-run", "", ""))
            .setMask(MaskReference.newBuilder()
                    .setUri("")
                    .setSha256("")
                    .setSizeBytes(0)
                    .setLabelScheme("")
                    .setDims(List.of())
                    .setAffine(List.of())
                    .build())
            .setVolumesMl(Map.of())
            .setGating(List.of())
            .setGateActed(false)
            .setFlags(List.of())
            .setTimingsMs(Map.of())
            .setInputDigest("")
            .setFinishedAt(Instant.EPOCH)
            .build();

    /**
     * A record as it was kept.
     *
     * @param at when it was appended to its topic
     * @param key its key
     * @param value a ScanEvent or a StudyCommand
     */
    public record Recorded(Instant at, String key, SpecificRecord value) {}

    /**
     * A result that would have been published.
     *
     * @param studyId the study
     * @param rule the special rule that it followed; empty for the general rules
     * @param revision from 0
     * @param trigger what would have started the job
     * @param used modalities that it would have used
     * @param waited from the study's first event to the start of the job
     */
    public record Result(
            String studyId, Optional<String> rule, int revision, Trigger trigger, List<String> used, Duration waited) {}

    /**
     * A study that would have had no result.
     *
     * @param studyId the study
     * @param rule the special rule that it followed; empty for the general rules
     * @param reason where it would have come to rest
     * @param present the modalities that it has
     */
    public record WithoutResult(String studyId, Optional<String> rule, StatusReason reason, List<String> present) {}

    /**
     * All that would have happened.
     *
     * @param results in the order of their publication
     * @param withoutResult sorted by study
     * @param refused events that would have been refused, by reason
     * @param ignored events and commands without effect, by kind
     */
    public record Report(
            List<Result> results,
            List<WithoutResult> withoutResult,
            Map<FailureReason, Integer> refused,
            Map<Counted, Integer> ignored) {}

    private record Step(Instant at, long order, String studyId, StudyInput input) {}

    private final StudyDecisions decisions;
    private final Duration inference;
    private final Map<String, Study> studies = new HashMap<>();
    private final List<Result> results = new ArrayList<>();
    private final Map<FailureReason, Integer> refused = new EnumMap<>(FailureReason.class);
    private final Map<Counted, Integer> ignored = new EnumMap<>(Counted.class);
    private final PriorityQueue<Step> steps =
            new PriorityQueue<>(Comparator.comparing(Step::at).thenComparing(Step::order));

    private long order;

    private DryRun(RuleBook book, ModelFamilies families, Duration inference) {
        this.decisions = new StudyDecisions(book, families);
        this.inference = inference;
    }

    /**
     * Replays records.
     *
     * @param records in any order; those of one moment keep theirs
     * @param inference how long every job is assumed to take
     */
    public static Report of(RuleBook book, ModelFamilies families, Duration inference, List<Recorded> records) {
        DryRun run = new DryRun(book, families, inference);
        records.forEach(run::record);
        run.play();
        return run.report();
    }

    private void record(Recorded record) {
        if (record.value() instanceof ScanEvent event) {
            Optional<FailureReason> problem = ScanEventCheck.problem(record.key(), event);
            if (problem.isPresent()) {
                refused.merge(problem.get(), 1, Integer::sum);
            } else {
                plan(record.at(), record.key(), new ScanArrived(event, null));
            }
        } else if (record.value() instanceof StudyCommand command) {
            plan(record.at(), record.key(), new CommandGiven(command));
        } else {
            throw new IllegalArgumentException("neither an event nor a command: " + record.value());
        }
    }

    private void plan(Instant at, String studyId, StudyInput input) {
        steps.add(new Step(at, order++, studyId, input));
    }

    private void play() {
        while (!steps.isEmpty()) {
            Step step = steps.poll();
            Optional<Study> study = Optional.ofNullable(studies.get(step.studyId()));
            Optional<FailureReason> refusal = step.input() instanceof ScanArrived arrived
                    ? decisions.refusal(study, arrived.event())
                    : Optional.empty();
            if (refusal.isPresent()) {
                refused.merge(refusal.get(), 1, Integer::sum);
            } else if (isCurrent(study, step.input())) {
                apply(study, step);
            }
        }
    }

    /** Timers and jobs that a study has given up meanwhile are of no interest. */
    private static boolean isCurrent(Optional<Study> study, StudyInput input) {
        if (input instanceof TimerDue due) {
            return study.flatMap(Study::timer).equals(Optional.of(due.timer()));
        }
        if (input instanceof JobEnded ended) {
            return study.flatMap(Study::runningJob)
                    .map(job -> job.getJobId().equals(ended.result().getJobId()))
                    .orElse(false);
        }
        return true;
    }

    private void apply(Optional<Study> study, Step step) {
        Transition transition = decisions.apply(study, step.input(), step.at());
        transition
                .after()
                .ifPresentOrElse(after -> studies.put(step.studyId(), after), () -> studies.remove(step.studyId()));
        if (!(step.input() instanceof TimerDue || step.input() instanceof JobEnded)) {
            transition.counted().forEach(what -> ignored.merge(what, 1, Integer::sum));
        }
        transition.publication().ifPresent(publication -> results.add(result(study, publication.segmentation())));
        Difference difference = transition.difference();
        difference
                .timerToArm()
                .filter(timer -> timer.getKind() != TimerKind.RETENTION)
                .ifPresent(timer -> plan(later(step.at(), timer), step.studyId(), new TimerDue(timer)));
        difference
                .jobToQueue()
                .ifPresent(job -> plan(step.at().plus(inference), step.studyId(), new JobEnded(success(job))));
    }

    private static Instant later(Instant now, StudyTimer timer) {
        return timer.getDue().isBefore(now) ? now : timer.getDue();
    }

    private static InferenceResult success(InferenceJob job) {
        return new InferenceResult(job.getJobId(), job.getStudyId(), SUCCESS);
    }

    private static Result result(Optional<Study> study, Segmentation segmentation) {
        Study before = study.orElseThrow();
        InferenceJob job = before.job().orElseThrow();
        return new Result(
                before.id(),
                before.rule(),
                segmentation.getRevision(),
                segmentation.getTrigger(),
                job.getScans().stream()
                        .map(JobScan::getScan)
                        .map(scan -> scan.getModality())
                        .toList(),
                Duration.between(before.openedAt(), job.getQueuedAt()));
    }

    private Report report() {
        List<WithoutResult> without = studies.values().stream()
                .filter(study -> study.current().isEmpty())
                .map(study -> new WithoutResult(
                        study.id(), study.rule(), study.reason(), List.copyOf(study.usableModalities())))
                .sorted(Comparator.comparing(WithoutResult::studyId))
                .toList();
        return new Report(List.copyOf(results), without, Map.copyOf(refused), Map.copyOf(ignored));
    }
}
