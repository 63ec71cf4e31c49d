package io.cloe.topology;

import io.cloe.schemas.CampaignItem;
import io.cloe.schemas.CampaignState;
import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.ModelComparison;
import io.cloe.schemas.ReprocessCampaign;
import io.cloe.schemas.ReprocessProgress;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyCommand;
import io.cloe.schemas.StudyFailure;
import io.cloe.schemas.StudyState;
import io.cloe.schemas.StudyStatus;
import io.cloe.schemas.TimerKind;
import io.cloe.schemas.serde.RecordFormat;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.topology.study.ModelFamilies;
import io.cloe.topology.study.RuleBook;
import io.cloe.topology.study.StudyDecisions;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Named;
import org.apache.kafka.streams.processor.api.ProcessorSupplier;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/**
 * The topology.
 *
 * <pre>
 *   scan-events   study-commands   reprocess-campaigns   inference-results &lt;---- the executor, outside
 *        |              |                  |                  |                        ^
 *        +---------+----+------------------+------------------+                        | jobs, under a lease
 *                  v                                                                   |
 *               study  ----------------------------------------------------------------+
 *                 |  reads the stores studies, timers, pending; notes in changed, and writes what is too much for it;
 *                 |  reads and writes the stores campaign-cursors, campaign-items
 *                 |                                           :
 *                 |                                           : before each commit
 *                 |                                           v
 *                 |                                     write-studies
 *                 |                                           |  writes the stores studies, timers, pending
 *        +--------+---------+----------------+                |
 *        v                  v                v                v
 *   segmentations     gating-weights   study-failures    study-status
 *   model-comparisons      reprocess-progress
 * </pre>
 *
 * One sub-topology, so that a task owns all that concerns its studies. The Processor API does not check that the sources are
 * co-partitioned: whoever starts this topology must ({@link Topics#copartitioned}).
 */
public final class StudyTopology {

    /** Names of the nodes; part of the contract with the metrics. */
    static final class Nodes {
        static final String SCAN_EVENTS = "scan-events";
        static final String STUDY_COMMANDS = "study-commands";
        static final String INFERENCE_RESULTS = "inference-results";
        static final String REPROCESS_CAMPAIGNS = "reprocess-campaigns";
        static final String STUDY = "study";
        static final String NOTHING = "nothing";
        static final String UNTIL_COMMIT = "until-commit";
        static final String BEFORE_COMMIT = "before-commit";
        static final String WRITE_STUDIES = "write-studies";
        static final String SEGMENTATIONS = "segmentations";
        static final String GATING_WEIGHTS = "gating-weights";
        static final String STUDY_STATUS = "study-status";
        static final String STUDY_FAILURES = "study-failures";
        static final String MODEL_COMPARISONS = "model-comparisons";
        static final String REPROCESS_PROGRESS = "reprocess-progress";

        private Nodes() {}
    }

    /** Names of the stores; part of the contract, because the changelog topics are named after them. */
    static final class StoreNames {
        static final String STUDIES = "studies";
        static final String TIMERS = "timers";
        static final String PENDING = "pending";
        static final String CHANGED = "changed";
        static final String CAMPAIGN_CURSORS = "campaign-cursors";
        static final String CAMPAIGN_ITEMS = "campaign-items";
        static final String BEFORE_COMMIT = "before-commit";

        private StoreNames() {}
    }

    /**
     * For stores that are used as queues: their changelogs hold mostly deletions, which compaction must take out soon, or a
     * restore replays them all.
     */
    private static final Map<String, String> QUEUE_CHANGELOG = Map.of(
            "segment.ms", "600000",
            "min.cleanable.dirty.ratio", "0.1",
            "max.compaction.lag.ms", "3600000");

    private StudyTopology() {}

    /** Builds the topology, with records in Avro's single-object encoding; see the other method. */
    public static Topology build(Topics topics, RuleBook rules, ModelFamilies families, InferenceExecutor executor) {
        return build(topics, RecordFormat.singleObject(), KeyPlacement.unknown(), rules, families, executor);
    }

    /**
     * Builds the topology.
     *
     * @param topics names of the topics
     * @param records how records of the topics that others use travel; what is internal needs no registry
     * @param placement where keys belong, so that what is elsewhere is noticed
     * @param rules how studies are assembled
     * @param families the model families served
     * @param executor what runs inference; called by the stream threads
     */
    public static Topology build(
            Topics topics,
            RecordFormat records,
            KeyPlacement placement,
            RuleBook rules,
            ModelFamilies families,
            InferenceExecutor executor) {
        StudyDecisions decisions = new StudyDecisions(rules, families);
        Set<String> warnedOf = ConcurrentHashMap.newKeySet();
        ProcessorSupplier<String, SpecificRecord, String, SpecificRecord> study =
                () -> new StudyProcessor(decisions, executor, placement, warnedOf);
        ProcessorSupplier<String, String, String, SpecificRecord> writer = () -> new StudyWriter(decisions);
        Topology topology = resultsAndCommits(topics);
        addSource(topology, Nodes.SCAN_EVENTS, topics.scanEvents(), records.of(ScanEvent.class));
        addSource(topology, Nodes.STUDY_COMMANDS, topics.studyCommands(), records.of(StudyCommand.class));
        addSource(
                topology,
                Nodes.REPROCESS_CAMPAIGNS,
                topics.reprocessCampaigns(),
                RecordSerde.of(ReprocessCampaign.class));
        topology.addProcessor(
                Nodes.STUDY,
                study,
                Nodes.SCAN_EVENTS,
                Nodes.STUDY_COMMANDS,
                Nodes.INFERENCE_RESULTS,
                Nodes.REPROCESS_CAMPAIGNS);
        topology.addProcessor(Nodes.WRITE_STUDIES, writer, Nodes.BEFORE_COMMIT);
        topology.addStateStore(studies(), Nodes.STUDY, Nodes.WRITE_STUDIES);
        topology.addStateStore(timers(), Nodes.STUDY, Nodes.WRITE_STUDIES);
        topology.addStateStore(pending(), Nodes.STUDY, Nodes.WRITE_STUDIES);
        topology.addStateStore(ChangedStudies.builder(StoreNames.CHANGED), Nodes.STUDY, Nodes.WRITE_STUDIES);
        topology.addStateStore(
                queueStore(StoreNames.CAMPAIGN_CURSORS, Serdes.String(), RecordSerde.of(CampaignState.class)),
                Nodes.STUDY);
        topology.addStateStore(
                queueStore(StoreNames.CAMPAIGN_ITEMS, Serdes.String(), RecordSerde.of(CampaignItem.class)),
                Nodes.STUDY);
        topology.connectProcessorAndStateStores(Nodes.STUDY, StoreNames.BEFORE_COMMIT);
        addSink(topology, Nodes.SEGMENTATIONS, topics.segmentations(), records.of(Segmentation.class), Nodes.STUDY);
        addSink(topology, Nodes.GATING_WEIGHTS, topics.gatingWeights(), records.of(GatingWeights.class), Nodes.STUDY);
        addSink(topology, Nodes.STUDY_FAILURES, topics.studyFailures(), records.of(StudyFailure.class), Nodes.STUDY);
        addSink(
                topology,
                Nodes.MODEL_COMPARISONS,
                topics.modelComparisons(),
                RecordSerde.of(ModelComparison.class),
                Nodes.STUDY);
        addSink(
                topology,
                Nodes.REPROCESS_PROGRESS,
                topics.reprocessProgress(),
                RecordSerde.of(ReprocessProgress.class),
                Nodes.STUDY);
        addSink(
                topology,
                Nodes.STUDY_STATUS,
                topics.studyStatus(),
                records.of(StudyStatus.class),
                Nodes.STUDY,
                Nodes.WRITE_STUDIES);
        return topology;
    }

    /**
     * The source of results, and a node that is called before every commit in which a study changed. Kafka Streams has no such hook,
     * but a table with a cache is one: whatever was put into its store is passed on when the cache is flushed, and a commit begins with
     * that. A table needs a stream to be made of; this one gets nothing from it. See topology/docs/0005.
     */
    private static Topology resultsAndCommits(Topics topics) {
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(
                        topics.inferenceResults(),
                        Consumed.with(Serdes.String(), RecordSerde.of(InferenceResult.class))
                                .withName(Nodes.INFERENCE_RESULTS))
                .flatMapValues(result -> List.<String>of(), Named.as(Nodes.NOTHING))
                .toTable(
                        Named.as(Nodes.UNTIL_COMMIT),
                        Materialized.<String, String>as(Stores.inMemoryKeyValueStore(StoreNames.BEFORE_COMMIT))
                                .withKeySerde(Serdes.String())
                                .withValueSerde(Serdes.String())
                                .withCachingEnabled()
                                .withLoggingDisabled())
                .toStream(Named.as(Nodes.BEFORE_COMMIT));
        return builder.build();
    }

    private static <T extends SpecificRecord> void addSource(
            Topology topology, String node, String topic, Serde<T> serde) {
        topology.addSource(node, Serdes.String().deserializer(), serde.deserializer(), topic);
    }

    private static <T extends SpecificRecord> void addSink(
            Topology topology, String node, String topic, Serde<T> serde, String... from) {
        topology.addSink(node, topic, Serdes.String().serializer(), serde.serializer(), from);
    }

    private static StoreBuilder<?> studies() {
        // Not cached: it is written once before each commit, after caches were flushed.
        return Stores.keyValueStoreBuilder(
                        Stores.persistentKeyValueStore(StoreNames.STUDIES),
                        Serdes.String(),
                        RecordSerde.of(StudyState.class))
                .withCachingDisabled()
                .withLoggingEnabled(Map.of());
    }

    private static StoreBuilder<?> timers() {
        return queueStore(StoreNames.TIMERS, TimerKey.serde(), EnumSerde.of(TimerKind.class));
    }

    /** The studies whose jobs are to run, with the ids of these; the jobs are stored with their studies. See topology/docs/0007. */
    private static StoreBuilder<?> pending() {
        return queueStore(StoreNames.PENDING, Serdes.String(), Serdes.String());
    }

    /** In memory: bounded by the open studies, and restored from a small topic as fast as RocksDB after a crash. */
    private static <K, V> StoreBuilder<?> queueStore(String name, Serde<K> keys, Serde<V> values) {
        return Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore(name), keys, values)
                .withCachingDisabled()
                .withLoggingEnabled(QUEUE_CHANGELOG);
    }
}
