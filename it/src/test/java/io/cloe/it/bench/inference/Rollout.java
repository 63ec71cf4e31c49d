package io.cloe.it.bench.inference;

import io.cloe.it.bench.Session;
import io.cloe.it.bench.Sightings;
import io.cloe.it.tools.Bundles;
import io.cloe.it.tools.NiftiFiles;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.Waiting;
import io.cloe.schemas.CampaignMode;
import io.cloe.schemas.CampaignOrder;
import io.cloe.schemas.CampaignOutput;
import io.cloe.schemas.CampaignPhase;
import io.cloe.schemas.CampaignSelection;
import io.cloe.schemas.ModelAssignment;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.ReprocessCampaign;
import io.cloe.schemas.ReprocessProgress;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.worker.bundle.BundleReader;
import io.cloe.worker.bundle.ModelIdentity;
import io.cloe.worker.config.InferenceConfig;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.results.LatestRecords;
import io.cloe.worker.submit.ControlProducer;
import io.cloe.worker.submit.ScanEvents;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * A worker with two models of one family, small studies for them, and what is seen of its results. The models are the tiny network,
 * which takes some ten milliseconds for a study: enough studies for a 99th percentile in a minute. The other model's masks differ from
 * the live one's.
 */
final class Rollout implements AutoCloseable {

    private static final int[] DIMS = {28, 32, 40};
    private static final List<String> MODALITIES = List.of("T1", "T2", "FLAIR");
    /** Kinds of studies. */
    static final int KINDS = 12;

    private static final int PARTITIONS = 4;
    private static final int CONCURRENCY = 8;
    private static final Duration POLL = Duration.ofMillis(2);

    private final BenchWorker worker;
    private final ControlProducer control;
    private final Sightings results;
    private final Sightings comparisons;
    private final Producer<String, ScanEvent> producer;
    private final List<List<ScanEvent>> kinds;
    private final ModelReference live;
    private final ModelReference other;
    private int campaigns;

    private Rollout(BenchWorker worker, List<List<ScanEvent>> kinds, ModelReference live, ModelReference other)
            throws Exception {
        this.worker = worker;
        this.kinds = kinds;
        producer = new KafkaProducer<>(
                worker.clients().producer(), new StringSerializer(), RecordSerde.of(ScanEvent.class));
        this.live = live;
        this.other = other;
        control = new ControlProducer(worker.clients());
        results = Sightings.of(worker.address(), worker.clients().topics().segmentations());
        comparisons = Sightings.of(worker.address(), worker.clients().topics().modelComparisons());
    }

    static Rollout start(Session session) throws Exception {
        Path volumes = Files.createDirectories(session.folder().resolve("volumes"));
        Path repository = Files.createDirectories(session.folder().resolve("models"));
        Path next = repository.resolve("next");
        Bundles.differing(next, "2.0.0");
        BenchWorker worker = BenchWorker.start(
                session,
                "worker",
                Repository.tinyBundle(),
                volumes,
                PARTITIONS,
                Map.of(InferenceConfig.INFERENCE_THREADS, "1", WorkerConfig.MODEL_REPOSITORY, repository.toString()));
        return new Rollout(
                worker,
                generate(volumes, new Random(session.seed())),
                reference(Repository.tinyBundle()),
                reference(next));
    }

    private static ModelReference reference(Path bundle) throws Exception {
        ModelIdentity identity = BundleReader.open(bundle).identity();
        return new ModelReference(identity.family(), identity.id(), identity.version(), identity.digest());
    }

    /** The events of each kind of study. */
    private static List<List<ScanEvent>> generate(Path folder, Random random) throws Exception {
        List<List<ScanEvent>> kinds = new ArrayList<>();
        for (int i = 0; i < KINDS; i++) {
            List<ScanEvent> events = new ArrayList<>();
            List<String> modalities = MODALITIES.subList(0, 1 + i % MODALITIES.size());
            for (String modality : modalities) {
                Path file = folder.resolve("study-" + i + "-" + modality + ".nii.gz");
                NiftiFiles.generate(file, DIMS, random);
                events.add(ScanEvents.available("any", modality, file, 0, Instant.now())
                        .setExpectedModalities(modalities)
                        .build());
            }
            kinds.add(events);
        }
        return kinds;
    }

    /** The model that is live at first. */
    ModelReference live() {
        return live;
    }

    /** The one in the repository. */
    ModelReference other() {
        return other;
    }

    BenchWorker worker() {
        return worker;
    }

    /** The number of a study that was called something, a hyphen, and its number. */
    static int number(String studyId) {
        return Integer.parseInt(studyId.substring(studyId.lastIndexOf('-') + 1));
    }

    /** Which kind of study a study is, by its number. */
    static int kind(int number) {
        return number % KINDS;
    }

    /** Announces a study; its kind follows from the number. Does not wait for the broker: it would hold up the next one. */
    void submit(String studyId, int number) {
        for (ScanEvent event : kinds.get(kind(number))) {
            producer.send(new ProducerRecord<>(
                    worker.clients().topics().scanEvents(),
                    studyId,
                    ScanEvent.newBuilder(event)
                            .setStudyId(studyId)
                            .setEventId(studyId + "/" + event.getModality())
                            .build()));
        }
    }

    /** Waits for a study's first result; {@link System#nanoTime} when it was seen. */
    long awaitResult(String studyId) {
        Waiting.until("a result").pollInterval(POLL).until(() -> results.of(studyId) != null);
        return results.of(studyId);
    }

    /** Whether a study's first result was seen. */
    boolean hasResult(String studyId) {
        return results.of(studyId) != null;
    }

    /** Waits for a study's first comparison; {@link System#nanoTime} when it was seen. */
    long awaitComparison(String studyId) {
        Waiting.until("a comparison").pollInterval(POLL).until(() -> comparisons.of(studyId) != null);
        return comparisons.of(studyId);
    }

    /** Runs the other model on some studies, or on all that have a result; compares only. */
    ReprocessCampaign begin(List<String> studyIds) throws Exception {
        ReprocessCampaign campaign = ReprocessCampaign.newBuilder()
                .setCampaignId("campaign-" + campaigns++)
                .setOrder(CampaignOrder.RUN)
                .setModel(other)
                .setSelection(new CampaignSelection(studyIds, null, null, null, null, null))
                .setMode(CampaignMode.AS_DECIDED)
                .setOutput(CampaignOutput.SHADOW)
                .setConcurrency(CONCURRENCY)
                .setPartitions(PARTITIONS)
                .setCreatedAt(Instant.now())
                .build();
        control.send(campaign);
        return campaign;
    }

    /** Studies that a campaign is told to have done. */
    long done(ReprocessCampaign campaign) {
        return parts(campaign).stream().mapToLong(ReprocessProgress::getDone).sum();
    }

    /** Milliseconds per stage, the mean over results of studies whose names begin with something. */
    Map<String, Double> stages(String prefix) {
        Map<String, List<Long>> stages = new TreeMap<>();
        LatestRecords.all(worker.clients(), worker.clients().topics().segmentations(), Segmentation.class).stream()
                .filter(result -> result.getStudyId().startsWith(prefix))
                .forEach(result -> result.getTimingsMs()
                        .forEach((stage, millis) -> stages.computeIfAbsent(stage, any -> new ArrayList<>())
                                .add(millis)));
        Map<String, Double> means = new TreeMap<>();
        stages.forEach((stage, all) ->
                means.put(stage, all.stream().mapToLong(one -> one).average().orElseThrow()));
        return means;
    }

    /** Ends it. */
    void cancel(ReprocessCampaign campaign) throws Exception {
        control.send(ReprocessCampaign.newBuilder(campaign)
                .setOrder(CampaignOrder.CANCEL)
                .build());
        Waiting.until("the campaign is over").until(() -> isOver(campaign));
    }

    /** Whether it is over in every partition. */
    boolean isOver(ReprocessCampaign campaign) {
        List<ReprocessProgress> parts = parts(campaign);
        return parts.size() == PARTITIONS
                && parts.stream()
                        .allMatch(part ->
                                part.getPhase() == CampaignPhase.DONE || part.getPhase() == CampaignPhase.CANCELLED);
    }

    private List<ReprocessProgress> parts(ReprocessCampaign campaign) {
        return LatestRecords.of(
                        worker.clients(), worker.clients().topics().reprocessProgress(), ReprocessProgress.class)
                .values()
                .stream()
                .filter(part -> part.getCampaignId().equals(campaign.getCampaignId()))
                .toList();
    }

    /** Makes a model live, as soon as the worker takes it over; does not wait for that. */
    void promote(ModelReference model) throws Exception {
        ModelReference former = model.equals(live) ? other : live;
        control.send(new ModelAssignment(model.getFamily(), model, former, Instant.now()));
    }

    @Override
    public void close() throws Exception {
        results.close();
        comparisons.close();
        control.close();
        producer.close();
        worker.close();
    }
}
