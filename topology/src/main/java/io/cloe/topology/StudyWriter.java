package io.cloe.topology;

import io.cloe.topology.study.StudyDecisions;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;

/**
 * Writes the studies that changed since the last commit and were not written yet. Called before each commit, in its transaction, so that
 * a study that changed several times is encoded and written once.
 */
final class StudyWriter implements Processor<String, String, String, SpecificRecord> {

    private final StudyDecisions decisions;

    private ChangedStudies changed;
    private StudyStores stores;

    StudyWriter(StudyDecisions decisions) {
        this.decisions = decisions;
    }

    @Override
    public void init(ProcessorContext<String, SpecificRecord> context) {
        changed = context.getStateStore(StudyTopology.StoreNames.CHANGED);
        stores = new StudyStores(context, decisions);
    }

    @Override
    public void process(Record<String, String> commit) {
        while (!changed.isEmpty()) {
            changed.takeFirst(stores::write);
        }
    }
}
