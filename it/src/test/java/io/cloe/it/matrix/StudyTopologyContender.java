package io.cloe.it.matrix;

import io.cloe.it.tools.Repository;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.topology.StudyTopology;
import io.cloe.topology.matrix.Answer;
import io.cloe.topology.study.Fixtures;
import io.cloe.worker.config.ConfigurationException;
import io.cloe.worker.config.StudySettings;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.kafka.ClientSettings;
import io.cloe.worker.kafka.KafkaResultSender;
import io.cloe.worker.kafka.StreamsSettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.streams.KafkaStreams;

/** This project's topology with the worker's own settings; only the network is left out. */
public final class StudyTopologyContender implements Contender {

    private final RecordSerde<Segmentation> serde = RecordSerde.of(Segmentation.class);

    @Override
    public String title() {
        return "study-topology";
    }

    @Override
    public Member join(Site site, Path state) throws ConfigurationException {
        // Neither a bundle nor volumes are opened: the executor answers without.
        Map<String, String> settings = site.cluster().workerSettings(state, Repository.shippedBundle(), state);
        settings.put(WorkerConfig.APPLICATION_ID, site.name());
        settings.put(WorkerConfig.TOPICS_PREFIX, site.name() + "-");
        settings.put(StudySettings.STUDY_TIMEOUT, site.timeout().toMillis() + "ms");
        WorkerConfig config = WorkerConfig.of(settings);
        KafkaResultSender sender = new KafkaResultSender(ClientSettings.of(config));
        KafkaStreams streams = new KafkaStreams(
                StudyTopology.build(config.topics(), config.rules(), Fixtures.GLIOMA, new InstantExecutor(sender)),
                StreamsSettings.of(config));
        return StreamsMember.start(streams, sender);
    }

    @Override
    public String resultTopic(Site site) {
        return site.topics().segmentations();
    }

    @Override
    public Answer answer(ConsumerRecord<byte[], byte[]> result) {
        return Answer.of(serde.deserialize(result.topic(), result.value()));
    }

    @Override
    public Duration longestWait(Duration timeout) {
        return timeout.plusSeconds(30);
    }
}
