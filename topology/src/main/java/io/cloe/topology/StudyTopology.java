package io.cloe.topology;

import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyCommand;
import io.cloe.schemas.StudyFailure;
import io.cloe.schemas.StudyState;
import io.cloe.schemas.StudyStatus;
import io.cloe.schemas.TimerKind;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.topology.study.ModelFamilies;
import io.cloe.topology.study.RuleBook;
import io.cloe.topology.study.StudyDecisions;
import java.util.Map;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.ProcessorSupplier;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/**
 * The topology.
 *
 * <pre>
 *   scan-events        study-commands     inference-results &lt;---- the executor, outside
 *        |                   |                  |                        ^
 *        +---------+---------+------------------+                        | jobs, under a lease
 *                  v                                                     |
 *               study  -----------------------------------------------+--+
 *                 |  stores: studies, timers, pending
 *        +--------+---------+----------------+
 *        v                  v                v                v
 *   segmentations     gating-weights    study-status    study-failures
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
        static final String STUDY = "study";
        static final String SEGMENTATIONS = "segmentations";
        static final String GATING_WEIGHTS = "gating-weights";
        static final String STUDY_STATUS = "study-status";
        static final String STUDY_FAILURES = "study-failures";

        private Nodes() {}
    }

    /** Names of the stores; part of the contract, because the changelog topics are named after them. */
    static final class StoreNames {
        static final String STUDIES = "studies";
        static final String TIMERS = "timers";
        static final String PENDING = "pending";

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

    /**
     * Builds the topology.
     *
     * @param topics names of the topics
     * @param rules how studies are assembled
     * @param families the model families served
     * @param executor what runs inference; called by the stream threads
     */
    public static Topology build(Topics topics, RuleBook rules, ModelFamilies families, InferenceExecutor executor) {
        StudyDecisions decisions = new StudyDecisions(rules, families);
        ProcessorSupplier<String, SpecificRecord, String, SpecificRecord> study =
                () -> new StudyProcessor(decisions, executor);
        Topology topology = new Topology();
        addSource(topology, Nodes.SCAN_EVENTS, topics.scanEvents(), ScanEvent.class);
        addSource(topology, Nodes.STUDY_COMMANDS, topics.studyCommands(), StudyCommand.class);
        addSource(topology, Nodes.INFERENCE_RESULTS, topics.inferenceResults(), InferenceResult.class);
        topology.addProcessor(Nodes.STUDY, study, Nodes.SCAN_EVENTS, Nodes.STUDY_COMMANDS, Nodes.INFERENCE_RESULTS);
        topology.addStateStore(studies(), Nodes.STUDY);
        topology.addStateStore(timers(), Nodes.STUDY);
        topology.addStateStore(pending(), Nodes.STUDY);
        addSink(topology, Nodes.SEGMENTATIONS, topics.segmentations(), Segmentation.class);
        addSink(topology, Nodes.GATING_WEIGHTS, topics.gatingWeights(), GatingWeights.class);
        addSink(topology, Nodes.STUDY_STATUS, topics.studyStatus(), StudyStatus.class);
        addSink(topology, Nodes.STUDY_FAILURES, topics.studyFailures(), StudyFailure.class);
        return topology;
    }

    private static <T extends SpecificRecord> void addSource(
            Topology topology, String node, String topic, Class<T> type) {
        topology.addSource(node, Serdes.String().deserializer(), RecordSerde.of(type), topic);
    }

    private static <T extends SpecificRecord> void addSink(
            Topology topology, String node, String topic, Class<T> type) {
        topology.addSink(node, topic, Serdes.String().serializer(), RecordSerde.of(type), Nodes.STUDY);
    }

    private static StoreBuilder<?> studies() {
        // Cached: a study changes several times between commits, and only the last state matters to the changelog.
        return Stores.keyValueStoreBuilder(
                        Stores.persistentKeyValueStore(StoreNames.STUDIES),
                        Serdes.String(),
                        RecordSerde.of(StudyState.class))
                .withCachingEnabled()
                .withLoggingEnabled(Map.of());
    }

    private static StoreBuilder<?> timers() {
        return queueStore(StoreNames.TIMERS, TimerKey.serde(), EnumSerde.of(TimerKind.class));
    }

    private static StoreBuilder<?> pending() {
        return queueStore(StoreNames.PENDING, Serdes.String(), RecordSerde.of(InferenceJob.class));
    }

    /** In memory: bounded by the open studies, and restored from a small topic as fast as RocksDB after a crash. */
    private static <K, V> StoreBuilder<?> queueStore(String name, Serde<K> keys, Serde<V> values) {
        return Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore(name), keys, values)
                .withCachingDisabled()
                .withLoggingEnabled(QUEUE_CHANGELOG);
    }
}
