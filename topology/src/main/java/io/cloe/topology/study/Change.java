package io.cloe.topology.study;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.StudyFailure;
import io.cloe.topology.study.Transition.Publication;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** One call of {@link StudyDecisions}: the draft of the next study, and what is to be published. */
final class Change {

    final Optional<Study> before;
    final StudyDraft draft;
    final Instant now;
    private final List<StudyFailure> failures = new ArrayList<>();
    private final List<Counted> counted = new ArrayList<>();
    private Publication publication;

    Change(Optional<Study> before, StudyDraft draft, Instant now) {
        this.before = before;
        this.draft = draft;
        this.now = now;
    }

    void count(Counted what) {
        counted.add(what);
    }

    void publish(Publication result) {
        publication = result;
    }

    void report(StudyFailure.Builder failure) {
        failures.add(failure.build());
    }

    /** A failure of this study at this moment, to be completed. */
    StudyFailure.Builder failure(FailureReason reason) {
        return StudyFailure.newBuilder()
                .setStudyId(draft.id())
                .setReason(reason)
                .setFailedAt(now);
    }

    /** The study as drafted. */
    Transition done(int historyLimit) {
        Optional<Study> after = Optional.of(draft.done(historyLimit));
        return new Transition(before, after, Optional.ofNullable(publication), after, failures, counted);
    }

    /** The last words about a study of which nothing is kept. */
    Transition doneAndForget(int historyLimit) {
        Transition last = done(historyLimit);
        return new Transition(
                before, Optional.empty(), last.publication(), last.toTell(), last.failures(), last.counted());
    }

    /** Nothing is kept of the study, and nothing is said. */
    Transition forget() {
        return new Transition(before, Optional.empty(), Optional.empty(), Optional.empty(), List.of(), counted);
    }
}
