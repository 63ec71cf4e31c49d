package io.cloe.topology;

import io.cloe.schemas.StudyState;
import io.cloe.schemas.StudyTimer;
import io.cloe.schemas.TimerKind;
import io.cloe.topology.ChangedStudies.ChangedStudy;
import io.cloe.topology.study.Difference;
import io.cloe.topology.study.StudyCodec;
import io.cloe.topology.study.StudyDecisions;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** What a task stores of its studies, and the status that it tells of them: both are written together, in one transaction. */
final class StudyStores {

    private final ProcessorContext<String, SpecificRecord> context;
    private final StudyDecisions decisions;
    private final KeyValueStore<String, StudyState> studies;
    private final KeyValueStore<TimerKey, TimerKind> timers;
    private final KeyValueStore<String, String> pending;

    /**
     * The stores of a task.
     *
     * @param context of a processor that is connected to the stores and to the topic of statuses
     */
    StudyStores(ProcessorContext<String, SpecificRecord> context, StudyDecisions decisions) {
        this.context = context;
        this.decisions = decisions;
        studies = context.getStateStore(StudyTopology.StoreNames.STUDIES);
        timers = context.getStateStore(StudyTopology.StoreNames.TIMERS);
        pending = context.getStateStore(StudyTopology.StoreNames.PENDING);
    }

    void write(String studyId, ChangedStudy change) {
        Difference difference = change.difference();
        if (difference.changesStudy()) {
            studies.put(studyId, change.now().map(StudyCodec::toState).orElse(null));
        }
        difference.timerToDrop().ifPresent(timer -> timers.delete(key(studyId, timer)));
        difference.timerToArm().ifPresent(timer -> timers.put(key(studyId, timer), timer.getKind()));
        if (difference.jobToQueue().isPresent()) {
            pending.put(studyId, difference.jobToQueue().get().getJobId());
        } else if (difference.jobToDrop().isPresent()) {
            pending.delete(studyId);
        }
        change.toTell()
                .map(study -> decisions.status(study, change.changedAt()))
                .ifPresent(status -> context.forward(
                        new Record<>(studyId, status, change.changedAt().toEpochMilli()),
                        StudyTopology.Nodes.STUDY_STATUS));
    }

    private static TimerKey key(String studyId, StudyTimer timer) {
        return new TimerKey(timer.getDue(), studyId);
    }
}
