package io.cloe.topology;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.CampaignItem;
import io.cloe.schemas.CampaignState;
import io.cloe.schemas.StudyState;
import io.cloe.schemas.TimerKind;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.topology.study.Fixtures;
import io.cloe.topology.study.RuleBook;
import io.cloe.topology.study.StudyDecisions;
import io.cloe.topology.study.StudyRules;
import java.time.Duration;
import java.util.Set;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.api.MockProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.Stores;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Kafka's driver commits after every record, so that who asks for commits is seen here. */
class CommitWhileClockIsBehindTest {

    private final MockProcessorContext<String, SpecificRecord> context = new MockProcessorContext<>();
    private final StudyProcessor processor = new StudyProcessor(
            new StudyDecisions(RuleBook.of(StudyRules.defaults()), Fixtures.GLIOMA),
            new ManualExecutor(),
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
}
