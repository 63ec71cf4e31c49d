package io.cloe.it.bench;

import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.JobScan;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.ScanReference;
import io.cloe.schemas.Trigger;
import io.cloe.schemas.serde.RecordSerde;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Named;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.StreamJoined;

/**
 * The peer: the same join in Kafka Streams' own words. One stream per modality, outer joins one after the other within the study
 * timeout; what has all modalities becomes a job. Same records, same serde, no more state than the joins need. It has no
 * revisions, no corrections and no deadline without traffic.
 */
final class ChainedJoins {

    private ChainedJoins() {}

    /**
     * Builds it.
     *
     * @param prefix of the modalities' topics
     * @param output topic of the jobs
     * @param jobs told of each job, by the stream thread
     */
    static Topology build(
            String prefix, List<String> modalities, Duration timeout, String output, Consumer<InferenceJob> jobs) {
        StreamsBuilder builder = new StreamsBuilder();
        KStream<String, InferenceJob> joined =
                scans(builder, prefix, modalities.get(0)).mapValues(event -> with(null, event), Named.as("first"));
        JoinWindows windows = JoinWindows.ofTimeDifferenceWithNoGrace(timeout);
        for (String modality : modalities.subList(1, modalities.size())) {
            joined = joined.outerJoin(
                    scans(builder, prefix, modality),
                    ChainedJoins::with,
                    windows,
                    StreamJoined.with(
                                    Serdes.String(),
                                    RecordSerde.of(InferenceJob.class),
                                    RecordSerde.of(ScanEvent.class))
                            .withName("join-" + modality)
                            .withStoreName("join-" + modality));
        }
        joined.filter((study, job) -> job.getScans().size() == modalities.size(), Named.as("complete"))
                .peek((study, job) -> jobs.accept(job), Named.as("told"))
                .to(
                        output,
                        Produced.with(Serdes.String(), RecordSerde.of(InferenceJob.class))
                                .withName("jobs"));
        return builder.build();
    }

    private static KStream<String, ScanEvent> scans(StreamsBuilder builder, String prefix, String modality) {
        return builder.stream(
                prefix + modality,
                Consumed.with(Serdes.String(), RecordSerde.of(ScanEvent.class)).withName("scans-" + modality));
    }

    private static InferenceJob with(InferenceJob job, ScanEvent event) {
        List<JobScan> scans = new ArrayList<>(job == null ? List.of() : job.getScans());
        if (event != null) {
            scans.add(new JobScan(
                    new ScanReference(event.getModality(), event.getEventId(), event.getScanRevision()),
                    event.getVolume()));
        }
        String study = event == null ? job.getStudyId() : event.getStudyId();
        return InferenceJob.newBuilder()
                .setJobId(study)
                .setStudyId(study)
                .setFamily("brain-glioma")
                .setRevision(0)
                .setTrigger(Trigger.COMPLETE)
                .setAttempt(1)
                .setPriority(0)
                .setScans(scans)
                .setQueuedAt(Instant.EPOCH)
                .build();
    }
}
