package io.cloe.it.faults;

import io.cloe.it.tools.BrokerProcess;
import io.cloe.it.tools.CommandLines;
import io.cloe.it.tools.Outputs;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.TestCluster;
import io.cloe.it.tools.Waiting;
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
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListTopicsOptions;
import org.apache.kafka.clients.admin.TopicDescription;

/** Brokers, workers and a load, for one scenario. */
public final class Situation implements AutoCloseable {

    static final List<String> MODALITIES = List.of("T1", "T2", "FLAIR");

    static final int PARTITIONS = 4;

    private static final Duration PAUSE = Duration.ofMillis(400);
    private static final Duration DOWN = Duration.ofSeconds(4);
    private static final Duration PATIENCE = Duration.ofMinutes(4);

    private final List<BrokerProcess> brokers;
    private final String addresses;
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
    private final List<StudyLoad> loads = new ArrayList<>();
    private Map<String, List<Path>> volumes = Map.of();
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
        addresses =
                String.join(",", brokers.stream().map(BrokerProcess::address).toList());
        cluster = new TestCluster(addresses);
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
        loads.add(StudyLoad.start("study", volumes(), cluster.clients(prefix), new Random(random.nextLong()), PAUSE));
    }

    private Map<String, List<Path>> volumes() throws Exception {
        if (volumes.isEmpty()) {
            volumes = StudyLoad.volumes(Files.createDirectories(folder.resolve("volumes")), MODALITIES);
        }
        return volumes;
    }

    /**
     * Complete studies come, so many at once.
     *
     * @param site of the studies, and what their ids begin with
     */
    public List<StudyLoad.Expected> startStored(String site, int count) throws Exception {
        List<StudyLoad.Expected> studies = StudyLoad.complete(site, volumes(), new Random(random.nextLong()), count);
        loads.add(StudyLoad.replay(studies, cluster.clients(prefix), Map.of("site", site)));
        return studies;
    }

    /** From now on scans of some studies, which have come before, are replaced. */
    public void startCorrections(List<StudyLoad.Expected> studies, Duration pause) throws Exception {
        loads.add(StudyLoad.corrections(
                studies, volumes(), cluster.clients(prefix), new Random(random.nextLong()), pause));
    }

    /** One worker, at place 0, runs, and studies begin to come. */
    public void startOneWorkerAndLoad() throws Exception {
        fleet.start(0);
        fleet.awaitRunning(0);
        startLoad();
    }

    /** Lets the studies that were begun come to their end, and judges. */
    public Promise.Verdict judge() throws Exception {
        for (StudyLoad load : loads) {
            load.end();
        }
        try (Outputs outputs = outputs()) {
            Promise.Verdict verdict = Promise.judge(outputs, studies(), masks, PATIENCE);
            if (verdict.lost().isEmpty()) {
                cluster.awaitCaughtUp(group, topics);
                verdict = Promise.judge(outputs, studies(), masks, PATIENCE);
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
        loads.add(StudyLoad.replay(distinct, cluster.clients(prefix), Map.of()));
        return judge();
    }

    /** The studies that have come so far, as they stand now. */
    public List<StudyLoad.Expected> studies() {
        Map<String, StudyLoad.Expected> studies = new LinkedHashMap<>();
        loads.forEach(load -> load.expected().forEach(study -> studies.put(study.studyId(), study)));
        return List.copyOf(studies.values());
    }

    /** What is committed from now on, and was before; to be closed. */
    public Outputs outputs() {
        return new Outputs(addresses, topics);
    }

    /** The command line, for the workers of this situation. */
    public CommandLines cloe() {
        return new CommandLines(Map.of(WorkerConfig.BOOTSTRAP_SERVERS, addresses, WorkerConfig.TOPICS_PREFIX, prefix));
    }

    /** Lets the load go on for a while. */
    public void pass(Duration time) throws InterruptedException {
        Thread.sleep(time.toMillis());
    }

    /** A while between two bounds, from the seed. */
    public Duration between(Duration least, Duration most) {
        return least.plusMillis(random.nextLong(most.minus(least).toMillis() + 1));
    }

    /** Kills a broker of several and starts it again; returns when all partitions have all their copies again. */
    public void killForAWhile(BrokerProcess broker) throws InterruptedException {
        broker.kill();
        killed();
        pass(DOWN);
        broker.start();
        Waiting.until("all copies are in sync").ignoreExceptions().until(() -> allInSync(cluster.admin()));
    }

    private static boolean allInSync(Admin admin) throws ExecutionException, InterruptedException {
        Set<String> names = admin.listTopics(new ListTopicsOptions().listInternal(true))
                .names()
                .get();
        Collection<TopicDescription> described =
                admin.describeTopics(names).allTopicNames().get().values();
        return described.stream()
                .flatMap(topic -> topic.partitions().stream())
                .allMatch(partition ->
                        partition.isr().size() == partition.replicas().size());
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
        for (StudyLoad load : loads) {
            load.close();
        }
        fleet.close();
        cluster.close();
    }
}
