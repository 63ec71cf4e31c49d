package io.cloe.topology;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.CampaignItem;
import io.cloe.schemas.CampaignState;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.StudyPhase;
import io.cloe.schemas.StudyState;
import io.cloe.schemas.StudyStatus;
import io.cloe.schemas.TimerKind;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.topology.study.Fixtures;
import io.cloe.topology.study.RuleBook;
import io.cloe.topology.study.StudyDecisions;
import io.cloe.topology.study.StudyRules;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.api.MockProcessorContext;
import org.apache.kafka.streams.processor.api.MockProcessorContext.CapturedForward;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.TimestampedKeyValueStore;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Kafka's driver commits after every record; what happens between two commits is seen here. */
class StudyWriterTest {

    private static final Record<String, String> COMMIT = new Record<>("", "", 0);

    private final MockProcessorContext<String, SpecificRecord> context = new MockProcessorContext<>();
    private final StudyDecisions decisions = new StudyDecisions(RuleBook.of(StudyRules.defaults()), Fixtures.GLIOMA);
    private final ManualExecutor executor = new ManualExecutor();
    private final StudyProcessor processor = new StudyProcessor(decisions, executor, KeyPlacement.unknown(), Set.of());
    private final StudyWriter writer = new StudyWriter(decisions);
    private final KeyValueStore<String, StudyState> studies =
            store(StudyTopology.StoreNames.STUDIES, Serdes.String(), RecordSerde.of(StudyState.class));
    private final KeyValueStore<TimerKey, TimerKind> timers =
            store(StudyTopology.StoreNames.TIMERS, TimerKey.serde(), EnumSerde.of(TimerKind.class));
    private final KeyValueStore<String, String> pending =
            store(StudyTopology.StoreNames.PENDING, Serdes.String(), Serdes.String());
    private final TimestampedKeyValueStore<String, String> beforeCommit = Stores.timestampedKeyValueStoreBuilder(
                    Stores.inMemoryKeyValueStore(StudyTopology.StoreNames.BEFORE_COMMIT),
                    Serdes.String(),
                    Serdes.String())
            .withLoggingDisabled()
            .build();

    private static <K, V> KeyValueStore<K, V> store(String name, Serde<K> keys, Serde<V> values) {
        return Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore(name), keys, values)
                .withLoggingDisabled()
                .build();
    }

    @BeforeEach
    void start() {
        context.setCurrentSystemTimeMs(Fixtures.START.toEpochMilli());
        List<StateStore> stores = List.of(
                studies,
                timers,
                pending,
                beforeCommit,
                store(StudyTopology.StoreNames.CAMPAIGN_CURSORS, Serdes.String(), RecordSerde.of(CampaignState.class)),
                store(StudyTopology.StoreNames.CAMPAIGN_ITEMS, Serdes.String(), RecordSerde.of(CampaignItem.class)),
                ChangedStudies.builder(StudyTopology.StoreNames.CHANGED).build());
        for (StateStore store : stores) {
            store.init(context.getStateStoreContext(), store);
            context.addStateStore(store);
        }
        processor.init(context);
        writer.init(context);
    }

    private void arrive(String studyId, String... modalities) {
        for (String modality : modalities) {
            processor.process(new Record<>(studyId, Fixtures.scan(studyId, modality), 0));
        }
    }

    /** As Kafka Streams does, if something was put for it. */
    private void commit() {
        if (beforeCommit.get("") != null) {
            writer.process(COMMIT);
            beforeCommit.delete("");
        }
    }

    private List<StudyStatus> told() {
        List<StudyStatus> all = context.forwarded().stream()
                .map(CapturedForward::record)
                .map(Record::value)
                .filter(StudyStatus.class::isInstance)
                .map(StudyStatus.class::cast)
                .toList();
        context.resetForwards();
        return all;
    }

    private static <K, V> List<KeyValue<K, V>> all(KeyValueStore<K, V> store) {
        try (KeyValueIterator<K, V> entries = store.all()) {
            List<KeyValue<K, V>> list = new ArrayList<>();
            entries.forEachRemaining(list::add);
            return list;
        }
    }

    @Test
    void shouldWriteAStudyOnceWhenItChangesSeveralTimesBeforeACommit() {
        arrive("s", "T1", "T2");
        assertThat(studies.get("s")).isNull();
        assertThat(told()).isEmpty();

        commit();

        assertThat(studies.get("s").getScans()).hasSize(2);
        assertThat(all(timers)).hasSize(1);
        assertThat(told()).singleElement().satisfies(status -> {
            assertThat(status.getPhase()).isEqualTo(StudyPhase.COLLECTING);
            assertThat(status.getPresent()).containsExactly("T1", "T2");
            assertThat(status.getHistory()).hasSize(2);
        });
    }

    @Test
    void shouldNotStoreATimerWhenItCameAndWentBeforeTheCommit() {
        arrive("s", "T1", "T2", "T1CE", "FLAIR");
        InferenceJob job = executor.onlyJob();

        commit();

        assertThat(all(timers)).isEmpty();
        assertThat(all(pending)).containsExactly(KeyValue.pair("s", job.getJobId()));
    }

    @Test
    void shouldDropWhatWasStoredWhenAStudyChangesAgainAfterACommit() {
        arrive("s", "T1", "T2");
        commit();
        arrive("s", "T1CE", "FLAIR");
        commit();

        assertThat(all(timers)).isEmpty();
        assertThat(all(pending)).hasSize(1);
        assertThat(studies.get("s").getScans()).hasSize(4);
    }

    @Test
    void shouldHandOutTheWholeJobAgainWhenTheTaskStartsAgain() {
        arrive("s", "T1", "T2", "T1CE", "FLAIR");
        arrive("another", "T1");
        commit();
        InferenceJob job = executor.onlyJob();
        assertThat(studies.get("s").getJob().getScans()).isEmpty();

        processor.close();
        processor.init(context);

        assertThat(executor.onlyJob()).isEqualTo(job);
        assertThat(executor.onlyJob().getScans()).hasSize(4);
    }

    @Test
    void shouldNeverStoreAJobWhenItsResultComesBeforeTheCommit() {
        arrive("s", "T1", "T2", "T1CE", "FLAIR");
        processor.process(new Record<>("s", Fixtures.outcome(executor.onlyJob(), Fixtures.START), 0));
        commit();

        assertThat(all(pending)).isEmpty();
        assertThat(studies.get("s").getCurrent().getRevision()).isZero();
        assertThat(told()).singleElement().satisfies(status -> assertThat(status.getPhase())
                .isEqualTo(StudyPhase.SEGMENTED));
    }

    @Test
    void shouldWriteNothingWhenNothingChangedSinceTheLastCommit() {
        arrive("s", "T1");
        commit();
        told();
        arrive("s", "T1");
        commit();

        assertThat(told()).isEmpty();
    }

    @Test
    void shouldForgetChangesWhenTheTaskStartsAgainAfterACorruption() {
        arrive("s", "T1");
        processor.close();
        StateStore changed = context.getStateStore(StudyTopology.StoreNames.CHANGED);
        changed.close();
        changed.init(context.getStateStoreContext(), changed);
        processor.init(context);
        arrive("s", "T2");
        commit();

        assertThat(studies.get("s").getScans()).hasSize(1);
    }

    @Test
    void shouldWriteTheStudyThatChangedLongestAgoWhenManyHaveChanged() {
        for (int i = 0; i < 2_000; i++) {
            arrive("s" + i, "T1");
        }
        arrive("s0", "T2");
        assertThat(told()).isEmpty();

        arrive("another", "T1");

        assertThat(told()).singleElement().satisfies(status -> assertThat(status.getStudyId())
                .isEqualTo("s1"));
        assertThat(all(studies)).extracting(entry -> entry.key).containsExactly("s1");
        assertThat(all(timers)).hasSize(1);
        assertThat(context.committed()).isFalse();
    }

    @Test
    void shouldGoOnFromWhatWasWrittenWhenAStudyChangesAgainBeforeTheCommit() {
        for (int i = 0; i <= 2_000; i++) {
            arrive("s" + i, "T1");
        }
        arrive("s0", "T2", "T1CE", "FLAIR");
        commit();

        assertThat(studies.get("s0").getScans()).hasSize(4);
        assertThat(all(pending))
                .containsExactly(KeyValue.pair("s0", executor.onlyJob().getJobId()));
        assertThat(all(timers)).hasSize(2_000);
        assertThat(told()).hasSize(2_002);
    }
}
