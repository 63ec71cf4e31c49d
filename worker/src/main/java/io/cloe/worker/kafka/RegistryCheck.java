package io.cloe.worker.kafka;

import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyFailure;
import io.cloe.schemas.StudyStatus;
import io.cloe.schemas.registry.RegistryException;
import io.cloe.schemas.registry.RegistryFormat;
import io.cloe.topology.Topics;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.kafka.StartupException.Kind;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.avro.specific.SpecificRecord;

/** Asks the schema registry before the worker joins its group whether it takes what the worker will write. */
final class RegistryCheck {

    private RegistryCheck() {}

    /** @throws StartupException if the registry does not answer, or refuses a schema */
    static void check(WorkerConfig config) throws StartupException {
        if (!(config.records() instanceof RegistryFormat registry)) {
            return; // no registry, or somebody else's client, which asks when it writes
        }
        Topics topics = config.topics();
        Map<String, Class<? extends SpecificRecord>> written = new LinkedHashMap<>();
        written.put(topics.segmentations(), Segmentation.class);
        written.put(topics.gatingWeights(), GatingWeights.class);
        written.put(topics.studyStatus(), StudyStatus.class);
        written.put(topics.studyFailures(), StudyFailure.class);
        try {
            for (Map.Entry<String, Class<? extends SpecificRecord>> topic : written.entrySet()) {
                registry.prepare(topic.getKey(), topic.getValue());
            }
        } catch (RegistryException e) {
            throw new StartupException(Kind.REGISTRY, "schema registry: " + e.getMessage());
        }
    }
}
