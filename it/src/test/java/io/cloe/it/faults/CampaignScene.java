package io.cloe.it.faults;

import io.cloe.it.tools.BrokerProcess;
import io.cloe.it.tools.Bundles;
import io.cloe.it.tools.CommandLines;
import io.cloe.it.tools.Outputs;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.Studies;
import io.cloe.it.tools.TestCluster;
import io.cloe.schemas.CampaignPhase;
import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.ModelComparison;
import io.cloe.schemas.ReprocessProgress;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.Trigger;
import io.cloe.topology.Topics;
import io.cloe.worker.config.InferenceConfig;
import io.cloe.worker.config.WorkerConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Studies that have a result, workers in processes of their own, and a campaign that publishes for all of them with another model. */
public final class CampaignScene implements AutoCloseable {

    private static final int PARTITIONS = 4;

    private final TestCluster cluster;
    private final Fleet fleet;
    private final Outputs outputs;
    private final CommandLines cloe;
    private final Bundles.Name next;
    private final List<String> studies = new ArrayList<>();
    private String campaign;

    private CampaignScene(TestCluster cluster, Fleet fleet, Outputs outputs, CommandLines cloe, Bundles.Name next) {
        this.cluster = cluster;
        this.fleet = fleet;
        this.outputs = outputs;
        this.cloe = cloe;
        this.next = next;
    }

    /**
     * Has so many studies segmented by a worker in place 0, which goes on running.
     *
     * @param name unique among scenes on this broker
     * @param folder empty, for everything
     */
    public static CampaignScene set(BrokerProcess broker, String name, Path folder, int studies) throws Exception {
        String prefix = name + "-";
        TestCluster cluster = new TestCluster(broker.address());
        Topics topics = cluster.createTopics(prefix, PARTITIONS);
        Path volumes = Files.createDirectories(folder.resolve("volumes"));
        Path repository = Files.createDirectories(folder.resolve("models"));
        Map<String, String> settings = cluster.workerSettings(folder, Repository.tinyBundle(), volumes);
        settings.put(WorkerConfig.TOPICS_PREFIX, prefix);
        settings.put(WorkerConfig.APPLICATION_ID, prefix + "group");
        settings.put(InferenceConfig.INFERENCE_THREADS, "1");
        settings.put(WorkerConfig.MODEL_REPOSITORY, repository.toString());
        TestCluster.hastenTakeover(settings);
        CampaignScene scene = new CampaignScene(
                cluster,
                new Fleet(folder, settings),
                new Outputs(broker.address(), topics),
                new CommandLines(
                        Map.of(WorkerConfig.BOOTSTRAP_SERVERS, broker.address(), WorkerConfig.TOPICS_PREFIX, prefix)),
                Bundles.another(Repository.tinyBundle(), repository.resolve("next"), "1.0.0-next"));
        scene.segment(prefix, volumes, studies);
        return scene;
    }

    private void segment(String prefix, Path volumes, int count) throws Exception {
        fleet.start(0);
        try (Studies sender = new Studies(volumes, cluster.clients(prefix))) {
            Map<String, Path> files = sender.noise("all", Situation.MODALITIES);
            for (int i = 0; i < count; i++) {
                studies.add("study-" + i);
                sender.submit("study-" + i, files, Situation.MODALITIES);
            }
        }
        for (String study : studies) {
            outputs.awaitResult(study, 0);
        }
    }

    /** Its workers. */
    public Fleet fleet() {
        return fleet;
    }

    /** Starts the campaign; a worker must run. */
    public void begin(String... options) {
        String[] start = Stream.concat(
                        Arrays.stream(next.arguments("reprocess", "start", "--publish")), Arrays.stream(options))
                .toArray(String[]::new);
        campaign = cloe.run(start).replaceFirst("(?s).*campaign (\\S+).*", "$1");
    }

    /** Lets the campaign go on as fast as it can; until then a rate holds it up while things are done to it. */
    public void hurry() {
        cloe.run("reprocess", "resume", campaign, "--rate", "6000");
    }

    /** Waits until so many studies are told to be done, and fails if that were all. */
    public void awaitDone(int least) {
        outputs.await(least + " studies to be done", () -> sum(ReprocessProgress::getDone) >= least);
        requireUnderWay();
    }

    /** Fails when the campaign is over: what is done to it now would show nothing. */
    public void requireUnderWay() {
        outputs.drain();
        if (sum(ReprocessProgress::getDone) >= studies.size()) {
            throw new AssertionError("the campaign was over too early");
        }
    }

    /** Waits for the end of the campaign. */
    public void awaitEnd() {
        try {
            outputs.await(
                    "the campaign's end",
                    () -> parts().size() == PARTITIONS
                            && parts().stream().allMatch(part -> part.getPhase() == CampaignPhase.DONE));
        } catch (AssertionError e) {
            throw new AssertionError("the campaign does not end: " + parts() + "\n" + fleet.lastWords(), e);
        }
        outputs.drain();
    }

    /** What each partition told last. */
    private List<ReprocessProgress> parts() {
        return List.copyOf(outputs.all().stream()
                .map(Outputs.Seen::value)
                .filter(ReprocessProgress.class::isInstance)
                .map(ReprocessProgress.class::cast)
                .filter(part -> part.getCampaignId().equals(campaign))
                .collect(Collectors.toMap(ReprocessProgress::getPartition, part -> part, (former, later) -> later))
                .values());
    }

    private long sum(ToLongFunction<ReprocessProgress> count) {
        return parts().stream().mapToLong(count).sum();
    }

    /** Each study that was not done exactly once, and each count that says so. */
    public List<String> problems() {
        List<String> problems = new ArrayList<>();
        for (String study : studies) {
            int compared = outputs.of(study, ModelComparison.class).size();
            List<Segmentation> published = outputs.segmentations(study);
            boolean once = published.size() == 2
                    && published.get(1).getRevision() == 1
                    && published.get(1).getTrigger() == Trigger.REPROCESS
                    && published.get(1).getModel().getVersion().equals(next.version());
            if (compared != 1 || !once || outputs.of(study, GatingWeights.class).size() != 2) {
                problems.add(study + ": compared " + compared + " times, published " + published);
            }
        }
        Map<String, Long> counts = new TreeMap<>(Map.of(
                "selected", sum(ReprocessProgress::getSelected),
                "started", sum(ReprocessProgress::getStarted),
                "done", sum(ReprocessProgress::getDone)));
        counts.values().removeIf(count -> count == studies.size());
        counts.put("skipped", sum(ReprocessProgress::getSkipped));
        counts.put("failed", sum(ReprocessProgress::getFailed));
        counts.values().removeIf(count -> count == 0);
        counts.forEach((what, count) -> problems.add(what + " " + count + " of " + studies.size()));
        return problems;
    }

    @Override
    public void close() {
        fleet.close();
        outputs.close();
        cluster.close();
    }
}
