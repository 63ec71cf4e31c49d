package io.cloe.topology;

import io.cloe.schemas.StudyState;
import io.cloe.schemas.StudyTimer;
import io.cloe.schemas.TimerKind;
import io.cloe.topology.ChangedStudies.ChangedStudy;
import io.cloe.topology.study.Difference;
import io.cloe.topology.study.StudyCodec;
import io.cloe.topology.study.StudyDecisions;
import java.util.Map;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Writes the studies that changed since the last commit to the stores, and tells their status. Called before each commit, in its
 * transaction, so that a study that changed several times is encoded and written once.
 */
final class StudyWriter implements Processor<String, String, String, SpecificRecord> {

    private final StudyDecisions decisions;

    private ProcessorContext<String, SpecificRecord> context;
    private ChangedStudies changed;
    private KeyValueStore<String, StudyState> studies;
    private KeyValueStore<TimerKey, TimerKind> timers;
    private KeyValueStore<String, String> pending;

    StudyWriter(StudyDecisions decisions) {
        this.decisions = decisions;
    }

    @Override
    public void init(ProcessorContext<String, SpecificRecord> processorContext) {
        context = processorContext;
        changed = context.getStateStore(StudyTopology.StoreNames.CHANGED);
        studies = context.getStateStore(StudyTopology.StoreNames.STUDIES);
        timers = context.getStateStore(StudyTopology.StoreNames.TIMERS);
        pending = context.getStateStore(StudyTopology.StoreNames.PENDING);
    }

    @Override
    public void process(Record<String, String> commit) {
        for (Map.Entry<String, ChangedStudy> entry : changed.take()) {
            write(entry.getKey(), entry.getValue());
        }
    }

    private void write(String studyId, ChangedStudy change) {
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
