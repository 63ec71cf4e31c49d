package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.it.faults.Fleet;
import io.cloe.it.faults.Fleet.Standstill;
import io.cloe.it.faults.Step;
import io.cloe.it.tools.BrokerProcess;
import io.cloe.it.tools.Outputs;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.S3Server;
import io.cloe.it.tools.Studies;
import io.cloe.it.tools.TestCluster;
import io.cloe.it.tools.Waiting;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.VolumeReference;
import io.cloe.topology.Topics;
import io.cloe.worker.cli.CloeCommand;
import io.cloe.worker.cli.ExitCode;
import io.cloe.worker.config.InferenceConfig;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.kafka.WorkerProcess;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** Volumes out of a bucket, masks into another, through the worker and a real object store. */
class ObjectStoreIT {

    private static final List<String> SCANS = List.of("T1", "FLAIR");

    @TempDir
    static Path folder;

    private static BrokerProcess broker;
    private static TestCluster cluster;
    private static S3Server store;
    private static WorkerProcess worker;
    private static Studies studies;
    private static Outputs outputs;

    @BeforeAll
    static void start() throws Exception {
        store = S3Server.start(folder.resolve("objects"), "scans", "masks");
        broker = BrokerProcess.start(Files.createDirectory(folder.resolve("kafka")));
        cluster = new TestCluster(broker.address());
        Topics topics = cluster.createTopics("", 1);
        Path volumes = Files.createDirectory(folder.resolve("volumes"));
        Map<String, String> settings = cluster.workerSettings(folder, Repository.tinyBundle(), volumes);
        settings.putAll(store.settings());
        settings.put(WorkerConfig.APPLICATION_ID, "object-store");
        settings.put(WorkerConfig.VOLUME_ROOTS, volumes + ",s3://scans/in");
        settings.put(WorkerConfig.MASK_DIRECTORY, "s3://masks/out");
        worker = WorkerProcess.start(WorkerConfig.of(settings));
        assertThat(worker.awaitRunning(Waiting.PATIENCE)).isTrue();
        studies = new Studies(volumes, cluster.clients(""));
        outputs = new Outputs(broker.address(), topics);
    }

    @AfterAll
    static void stop() throws Exception {
        for (AutoCloseable part : new AutoCloseable[] {outputs, studies, worker, cluster, broker, store}) {
            if (part != null) {
                part.close();
            }
        }
    }

    @Test
    void shouldWriteTheMaskToTheBucketWhenVolumesLieInOne() throws Exception {
        Map<String, Path> files = studies.phantom("files", 0);
        Map<String, String> objects = new TreeMap<>();
        for (String scan : SCANS) {
            objects.put(scan, store.put("scans", "in/study 1/" + scan + ".nii.gz", files.get(scan)));
        }
        studies.submit("study/1", files, SCANS, event -> {
            event.setExpectedModalities(SCANS);
            event.setVolume(at(objects.get(event.getModality()).replace(" ", "%20"), event.getVolume()));
        });

        Segmentation result = outputs.awaitResult("study/1", 0);

        URI mask = URI.create(result.getMask().getUri());
        assertThat(mask).hasScheme("s3").hasHost("masks");
        byte[] stored = Files.readAllBytes(store.object("masks", mask.getPath().substring(1)));
        assertThat(HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(stored)))
                .isEqualTo(result.getMask().getSha256());
        assertThat(worker.masks().read(mask)).isEqualTo(stored);
    }

    /** The worst case: the sweep has found the orphan, and only then the job is done again. */
    @Test
    void shouldSweepWhatAKilledWorkerLeftAndNothingElseWhenTheJobIsDoneAgain() throws Exception {
        Topics topics = cluster.createTopics("sweep-", 1);
        Path place = Files.createDirectory(folder.resolve("sweep"));
        Path volumes = Files.createDirectory(place.resolve("volumes"));
        Map<String, String> settings = new TreeMap<>(cluster.workerSettings(place, Repository.tinyBundle(), volumes));
        settings.putAll(store.settings());
        settings.put(WorkerConfig.TOPICS_PREFIX, "sweep-");
        settings.put(WorkerConfig.APPLICATION_ID, "object-store-sweep");
        settings.put(WorkerConfig.MASK_DIRECTORY, "s3://masks/swept");
        settings.put(InferenceConfig.INFERENCE_THREADS, "1");
        TestCluster.hastenTakeover(settings);
        try (Fleet fleet = new Fleet(place, settings);
                Studies announced = new Studies(volumes, cluster.clients("sweep-"));
                Outputs seen = new Outputs(broker.address(), topics)) {
            Map<String, Path> files = announced.phantom("study", 0);
            Standstill killed = fleet.start(0, Step.AFTER_MASK, 2);
            announced.submit("kept", files, SCANS, event -> event.setExpectedModalities(SCANS));
            Segmentation kept = seen.awaitResult("kept", 0);
            announced.submit("again", files, SCANS, event -> event.setExpectedModalities(SCANS));
            killed.await();
            fleet.kill(0);
            Set<Path> left = masksBelow("swept");
            for (Path mask : left) {
                Files.setLastModifiedTime(mask, FileTime.from(Instant.now().minus(Duration.ofDays(2))));
            }
            assertThat(sweep(settings)).startsWith("found 1 orphaned files").contains("kept 1 that results refer to");

            fleet.start(0);
            Segmentation again = seen.awaitResult("again", 0);
            fleet.stop(0);

            assertThat(sweep(settings, "--delete"))
                    .startsWith("deleted 1 orphaned files")
                    .contains("kept 2 that results refer to");
            assertThat(masksBelow("swept")).containsExactlyInAnyOrder(file(kept), file(again));
            left.remove(file(kept));
            assertThat(left).hasSize(1).doesNotContain(file(again));
        }
    }

    private static Path file(Segmentation result) {
        return store.object(
                "masks", URI.create(result.getMask().getUri()).getPath().substring(1));
    }

    private static Set<Path> masksBelow(String prefix) throws IOException {
        try (Stream<Path> found = Files.walk(store.object("masks", prefix))) {
            return found.filter(file -> file.toString().endsWith(".nii.gz"))
                    .collect(Collectors.toCollection(TreeSet::new));
        }
    }

    private static String sweep(Map<String, String> settings, String... more) {
        List<String> arguments = new ArrayList<>(List.of("masks", "sweep"));
        settings.forEach((key, value) -> arguments.add("-D" + key + "=" + value));
        arguments.addAll(List.of(more));
        StringWriter said = new StringWriter();
        CommandLine command = CloeCommand.commandLine();
        command.setOut(new PrintWriter(said, true)).setErr(new PrintWriter(said, true));
        int code = command.execute(arguments.toArray(String[]::new));
        assertThat(code).as(said.toString()).isEqualTo(ExitCode.OK);
        return said.toString().strip();
    }

    private static VolumeReference at(String uri, VolumeReference file) {
        return new VolumeReference(uri, file.getFormat(), file.getSizeBytes(), file.getSha256());
    }
}
