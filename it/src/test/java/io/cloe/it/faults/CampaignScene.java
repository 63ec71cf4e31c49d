package io.cloe.it.faults;

import io.cloe.it.tools.BrokerProcess;
import io.cloe.it.tools.Bundles;
import io.cloe.it.tools.CommandLines;
import io.cloe.it.tools.Outputs;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.Studies;
import io.cloe.it.tools.TestCluster;
import io.cloe.topology.Topics;
import io.cloe.worker.config.InferenceConfig;
import io.cloe.worker.config.WorkerConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Studies that have a result, workers in processes of their own, and a campaign that publishes for all of them with another model. */
public final class CampaignScene implements AutoCloseable {

    private final TestCluster cluster;
    private final Fleet fleet;
    private final Outputs outputs;
    private final CommandLines cloe;
    private final Bundles.Name next;
    private final List<String> studies = new ArrayList<>();
    private Campaign campaign;

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
        Topics topics = cluster.createTopics(prefix, Situation.PARTITIONS);
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
                Bundles.differing(repository.resolve("next"), "2.0.0"));
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
        campaign = Campaign.begin(cloe, outputs, next, studies, options);
    }

    /** Lets the campaign go on as fast as it can; until then a rate holds it up while things are done to it. */
    public void hurry() {
        campaign.hurry();
    }

    /** Waits until so many studies are told to be done, and fails if that were all. */
    public void awaitDone(int least) {
        campaign.awaitDone(least);
    }

    /** Fails when the campaign is over: what is done to it now would show nothing. */
    public void requireUnderWay() {
        campaign.requireUnderWay();
    }

    /** Waits for the end of the campaign. */
    public void awaitEnd() {
        campaign.awaitEnd(fleet);
    }

    /** Each study that was not done exactly once, and each count that says so. */
    public List<String> problems() {
        List<String> problems = campaign.problems(Set.of());
        problems.addAll(Campaign.untold(outputs, studies));
        return problems;
    }

    @Override
    public void close() {
        fleet.close();
        outputs.close();
        cluster.close();
    }
}
