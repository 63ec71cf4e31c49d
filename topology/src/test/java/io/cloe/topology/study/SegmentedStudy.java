package io.cloe.topology.study;

import io.cloe.schemas.InferenceFault;
import io.cloe.schemas.InferenceFaults;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceOutcome;
import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.ScanEvent;
import io.cloe.topology.study.StudyInput.JobEnded;
import io.cloe.topology.study.StudyInput.ScanArrived;
import io.cloe.topology.study.StudyInput.TimerDue;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** Brings a study to a result as the rules do, for tests of what comes after. */
public final class SegmentedStudy {

    private final StudyDecisions decisions = new StudyDecisions(RuleBook.of(StudyRules.defaults()), Fixtures.GLIOMA);
    private Optional<Study> study = Optional.empty();
    private Instant now = Fixtures.START;

    /** Scans arrive. */
    public SegmentedStudy scans(ScanEvent... events) {
        for (ScanEvent event : events) {
            apply(new ScanArrived(event, null));
        }
        return this;
    }

    /** The deadline passes, or whatever it waits for. */
    public SegmentedStudy timer() {
        now = study.orElseThrow().timer().orElseThrow().getDue();
        apply(new TimerDue(study.orElseThrow().timer().orElseThrow()));
        return this;
    }

    /** A modality turns out to be unusable. */
    public SegmentedStudy fault(InferenceFault fault) {
        InferenceJob job = study.orElseThrow().runningJob().orElseThrow();
        apply(new JobEnded(
                new InferenceResult(job.getJobId(), job.getStudyId(), new InferenceFaults(List.of(fault), now))));
        return this;
    }

    /** The result comes at some time. */
    public SegmentedStudy result(Instant at, Consumer<InferenceOutcome.Builder> change) {
        now = at;
        InferenceResult result =
                Fixtures.outcome(study.orElseThrow().runningJob().orElseThrow(), at);
        InferenceOutcome.Builder outcome = InferenceOutcome.newBuilder((InferenceOutcome) result.getBody());
        change.accept(outcome);
        apply(new JobEnded(new InferenceResult(result.getJobId(), result.getStudyId(), outcome.build())));
        return this;
    }

    /** The study as it stands. */
    public Study study() {
        return study.orElseThrow();
    }

    private void apply(StudyInput input) {
        study = decisions.apply(study, input, now).after();
    }
}
