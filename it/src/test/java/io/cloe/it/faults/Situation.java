package io.cloe.it.faults;

import io.cloe.it.tools.BrokerProcess;
import io.cloe.it.tools.Outputs;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.TestCluster;
import io.cloe.topology.Topics;
import io.cloe.worker.config.InferenceConfig;
import io.cloe.worker.config.StudySettings;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.masks.FileMaskStore;
import io.cloe.worker.results.MaskReferenceReader;
import io.cloe.worker.sweep.MaskSweep;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/** Brokers, workers and a load, for one scenario. */
public final class Situation implements AutoCloseable {

    static final List<String> MODALITIES = List.of("T1", "T2", "FLAIR");

    private static final int PARTITIONS = 4;
    private static final Duration PAUSE = Duration.ofMillis(400);
    private static final Duration PATIENCE = Duration.ofMinutes(4);

    private final List<BrokerProcess> brokers;
    private final TestCluster cluster;
    private final Topics topics;
    private final String prefix;
    private final String group;
    private final Path folder;
    private final Path masks;
    private final Map<String, String> settings;
    private final Fleet fleet;
    private final Random random;
    private final PrintWriter out;
    private StudyLoad load;
    private int kills;

    /**
     * A situation with topics, group and folders of its own. No worker runs yet, no study comes.
     *
     * @param brokers one or several, running
     * @param name unique among situations on these brokers
     * @param protocol group protocol
     * @param more settings of the workers
     */
    public Situation(
            List<BrokerProcess> brokers,
            String name,
            String protocol,
            Path folder,
            Map<String, String> more,
            Random random,
            PrintWriter out)
            throws Exception {
        this.brokers = brokers;
        this.prefix = name + "-";
        this.group = name + "-group";
        this.folder = Files.createDirectories(folder);
        this.random = random;
        this.out = out;
        cluster = new TestCluster(
                String.join(",", brokers.stream().map(BrokerProcess::address).toList()));
        topics = cluster.createTopics(prefix, PARTITIONS, brokers.size());
        settings = cluster.workerSettings(folder, Repository.tinyBundle(), folder);
        settings.put(WorkerConfig.TOPICS_PREFIX, prefix);
        settings.put(WorkerConfig.APPLICATION_ID, group);
        settings.put(WorkerConfig.GROUP_PROTOCOL, protocol);
        settings.put(WorkerConfig.REPLICATION_FACTOR, Integer.toString(brokers.size()));
        settings.put(InferenceConfig.INFERENCE_THREADS, "1");
        // A scan that is taken back before the first result leaves a study that waits for its deadline.
        settings.put(StudySettings.STUDY_TIMEOUT, "4s");
        settings.put(StudySettings.STUDY_SETTLE, "300ms");
        settings.put(StudySettings.RETRY_ATTEMPTS, "50");
        settings.put(StudySettings.RETRY_FIRST_DELAY, "500ms");
        settings.put(StudySettings.RETRY_LONGEST_DELAY, "3s");
        TestCluster.hastenTakeover(settings);
        settings.putAll(more);
        masks = Path.of(settings.get(WorkerConfig.MASK_DIRECTORY));
        fleet = new Fleet(folder, settings);
    }

    /** Studies begin to come. */
    public void startLoad() throws Exception {
        load = StudyLoad.start(
                "study",
                Files.createDirectories(folder.resolve("volumes")),
                MODALITIES,
                cluster.clients(prefix),
                new Random(random.nextLong()),
                PAUSE);
    }

    /** One worker, at place 0, runs, and studies begin to come. */
    public void startOneWorkerAndLoad() throws Exception {
        fleet.start(0);
        fleet.awaitRunning(0);
        startLoad();
    }

    /** Lets the studies that were begun come to their end, and judges. */
    public Promise.Verdict judge() throws Exception {
        load.end();
        try (Outputs outputs = new Outputs(brokers.get(0).address(), topics)) {
            Promise.Verdict verdict = Promise.judge(outputs, load.expected(), masks, PATIENCE);
            if (verdict.lost().isEmpty()) {
                cluster.awaitCaughtUp(group, topics);
                verdict = Promise.judge(outputs, load.expected(), masks, PATIENCE);
            }
            return verdict;
        }
    }

    /**
     * Deletes what no result refers to, and judges again.
     *
     * @return the verdict on what is left
     */
    public Promise.Verdict judgeAfterSweep() throws Exception {
        MaskSweep sweep = new MaskSweep(
                FileMaskStore.existing(masks), new MaskReferenceReader(cluster.clients(prefix), group)::read);
        // However young they are: no study is under way any more.
        Instant limit = Instant.now().plus(MaskSweep.LEAST_AGE);
        sweep.delete(sweep.plan(limit), limit);
        return judge();
    }

    /** What the same studies come to when nothing fails: fewer, but each input of the last results among them. */
    public Promise.Verdict judgeWithoutFaults(List<StudyLoad.Expected> studies) throws Exception {
        List<StudyLoad.Expected> distinct = new ArrayList<>();
        Set<Map<String, Path>> seen = new HashSet<>();
        studies.stream().filter(study -> seen.add(study.files())).forEach(distinct::add);
        load = StudyLoad.replay(distinct, cluster.clients(prefix));
        return judge();
    }

    /** The studies that have come so far. */
    public List<StudyLoad.Expected> studies() {
        return load.expected();
    }

    /** Lets the load go on for a while. */
    public void pass(Duration time) throws InterruptedException {
        Thread.sleep(time.toMillis());
    }

    /** A while between two bounds, from the seed. */
    public Duration between(Duration least, Duration most) {
        return least.plusMillis(random.nextLong(most.minus(least).toMillis() + 1));
    }

    /** Notes a kill. */
    public void killed() {
        kills++;
    }

    /** Kills so far. */
    public int kills() {
        return kills;
    }

    public List<BrokerProcess> brokers() {
        return brokers;
    }

    public TestCluster cluster() {
        return cluster;
    }

    public Fleet fleet() {
        return fleet;
    }

    public Random random() {
        return random;
    }

    public Path masks() {
        return masks;
    }

    /** A line on how it goes. */
    public void say(String what) {
        out.println("  " + what);
        out.flush();
    }

    @Override
    public void close() throws Exception {
        if (load != null) {
            load.close();
        }
        fleet.close();
        cluster.close();
    }
}
