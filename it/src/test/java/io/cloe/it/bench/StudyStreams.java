package io.cloe.it.bench;

import io.cloe.topology.InferenceExecutor;
import io.cloe.topology.StudyTopology;
import io.cloe.topology.Topics;
import io.cloe.topology.study.RuleBook;
import io.cloe.topology.study.StudyRules;
import io.cloe.worker.config.ConfigurationException;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.kafka.StreamsSettings;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.streams.Topology;

/** The worker's topology with the worker's own settings, without a model. */
final class StudyStreams {

    private StudyStreams() {}

    static Topology topology(Topics topics, InferenceExecutor executor) {
        return StudyTopology.build(topics, RuleBook.of(StudyRules.defaults()), StudyEvents.FAMILIES, executor);
    }

    /**
     * The worker's settings.
     *
     * @param application also names a folder of its own for the state, below {@code states}
     */
    static Properties settings(String broker, String application, Path states) throws ConfigurationException {
        return StreamsSettings.of(WorkerConfig.of(Map.of(
                WorkerConfig.BOOTSTRAP_SERVERS,
                broker,
                WorkerConfig.APPLICATION_ID,
                application,
                WorkerConfig.STATE_DIRECTORY,
                states.resolve(application).toString(),
                WorkerConfig.MODEL_BUNDLES,
                "/none",
                WorkerConfig.VOLUME_ROOTS,
                "/none",
                WorkerConfig.MASK_DIRECTORY,
                "/none",
                WorkerConfig.REPLICATION_FACTOR,
                "1",
                WorkerConfig.KAFKA_PREFIX + "auto.offset.reset",
                "earliest")));
    }
}
