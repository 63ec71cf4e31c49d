package io.cloe.topology;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.CampaignItem;
import io.cloe.schemas.CampaignMode;
import io.cloe.schemas.CampaignOrder;
import io.cloe.schemas.CampaignOutput;
import io.cloe.schemas.CampaignSelection;
import io.cloe.schemas.CampaignState;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.ReprocessCampaign;
import io.cloe.schemas.StudyState;
import io.cloe.schemas.TimerKind;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.topology.study.Fixtures;
import io.cloe.topology.study.RuleBook;
import io.cloe.topology.study.StudyCodec;
import io.cloe.topology.study.StudyDecisions;
import io.cloe.topology.study.StudyRules;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.api.MockProcessorContext;
import org.apache.kafka.streams.processor.api.MockProcessorContext.CapturedPunctuator;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Kafka's driver commits after every record, so that who asks for commits is seen here. */
class CommitRequestsTest {

    private final MockProcessorContext<String, SpecificRecord> context = new MockProcessorContext<>();
    private final ManualExecutor executor = new ManualExecutor();
    private final StudyProcessor processor = new StudyProcessor(
            new StudyDecisions(RuleBook.of(StudyRules.defaults()), Fixtures.GLIOMA),
            executor,
            KeyPlacement.unknown(),
            Set.of());
    private int studies;

    @BeforeEach
    void start() {
        store(StudyTopology.StoreNames.STUDIES, Serdes.String(), RecordSerde.of(StudyState.class));
        store(StudyTopology.StoreNames.TIMERS, TimerKey.serde(), EnumSerde.of(TimerKind.class));
        store(StudyTopology.StoreNames.PENDING, Serdes.String(), Serdes.String());
        store(StudyTopology.StoreNames.CAMPAIGN_CURSORS, Serdes.String(), RecordSerde.of(CampaignState.class));
        store(StudyTopology.StoreNames.CAMPAIGN_ITEMS, Serdes.String(), RecordSerde.of(CampaignItem.class));
        add(ChangedStudies.builder(StudyTopology.StoreNames.CHANGED).build());
        add(Stores.timestampedKeyValueStoreBuilder(
                        Stores.inMemoryKeyValueStore(StudyTopology.StoreNames.BEFORE_COMMIT),
                        Serdes.String(),
                        Serdes.String())
                .withLoggingDisabled()
                .build());
        processor.init(context);
    }

    private <K, V> void store(String name, Serde<K> keys, Serde<V> values) {
        add(Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore(name), keys, values)
                .withLoggingDisabled()
                .build());
    }

    private void add(StateStore store) {
        store.init(context.getStateStoreContext(), store);
        context.addStateStore(store);
    }

    private boolean asksForACommit(Duration sinceStart) {
        context.setCurrentSystemTimeMs(Fixtures.START.plus(sinceStart).toEpochMilli());
        context.resetCommit();
        String studyId = "s" + studies++;
        processor.process(new Record<>(studyId, Fixtures.scan(studyId, "T1"), 0));
        return context.committed();
    }

    @Test
    void shouldAskForCommitsWhenTheClockWasSetBackUntilItHasCaughtUp() {
        assertThat(asksForACommit(Duration.ofHours(2))).isFalse();
        assertThat(asksForACommit(Duration.ofHours(1))).isTrue();
        assertThat(asksForACommit(Duration.ofMinutes(90))).isTrue();
        assertThat(asksForACommit(Duration.ofHours(2))).isFalse();
        assertThat(asksForACommit(Duration.ofHours(3))).isFalse();
    }

    @Test
    void shouldAskForACommitWhenALiveStudyHasAResult() {
        assertThat(asksForACommit(segment("a"))).isTrue();
    }

    @Test
    void shouldAskForNoCommitWhenACampaignHasAResultButForItsLast() {
        for (String studyId : List.of("a", "b", "c")) {
            asksForACommit(segment(studyId));
            store();
        }
        processor.process(new Record<>("campaign", campaign(), 0));
        punctuate(); // counts
        punctuate(); // walks

        List<Boolean> asked = new ArrayList<>();
        while (!executor.jobs().isEmpty()) {
            InferenceJob job = executor.jobs().get(0);
            asked.add(asksForACommit(job));
        }
        assertThat(asked).containsExactly(false, false, true);
    }

    private InferenceJob segment(String studyId) {
        context.setCurrentSystemTimeMs(Fixtures.START.toEpochMilli());
        for (String modality : Fixtures.MODALITIES) {
            processor.process(new Record<>(studyId, Fixtures.scan(studyId, modality), 0));
        }
        return executor.onlyJob();
    }

    private boolean asksForACommit(InferenceJob job) {
        executor.finished(job);
        context.resetCommit();
        processor.process(new Record<>(job.getStudyId(), Fixtures.outcome(job, Fixtures.START), 0));
        return context.committed();
    }

    /** Stores what changed, as before a commit. */
    private void store() {
        KeyValueStore<String, StudyState> stored = context.getStateStore(StudyTopology.StoreNames.STUDIES);
        ChangedStudies changed = context.getStateStore(StudyTopology.StoreNames.CHANGED);
        while (!changed.isEmpty()) {
            changed.takeFirst((studyId, study) ->
                    stored.put(studyId, StudyCodec.toState(study.now().orElseThrow())));
        }
    }

    private void punctuate() {
        for (CapturedPunctuator scheduled : List.copyOf(context.scheduledPunctuators())) {
            if (!scheduled.cancelled()) {
                scheduled.getPunctuator().punctuate(context.currentSystemTimeMs());
            }
        }
    }

    private static ReprocessCampaign campaign() {
        return ReprocessCampaign.newBuilder()
                .setCampaignId("campaign")
                .setOrder(CampaignOrder.RUN)
                .setModel(new ModelReference("brain-glioma", "cloe", "2.0.0", "def"))
                .setSelection(new CampaignSelection(List.of(), null, null, null, null, null))
                .setMode(CampaignMode.AS_DECIDED)
                .setOutput(CampaignOutput.SHADOW)
                .setConcurrency(2)
                .setPartitions(1)
                .setCreatedAt(Fixtures.START)
                .build();
    }
}
