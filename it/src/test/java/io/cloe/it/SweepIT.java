package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.it.faults.Fleet;
import io.cloe.it.faults.Fleet.Standstill;
import io.cloe.it.faults.Step;
import io.cloe.it.tools.BrokerProcess;
import io.cloe.it.tools.Outputs;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.Studies;
import io.cloe.it.tools.TestCluster;
import io.cloe.schemas.ScanOperation;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyPhase;
import io.cloe.topology.Topics;
import io.cloe.worker.cli.CloeCommand;
import io.cloe.worker.cli.ExitCode;
import io.cloe.worker.config.InferenceConfig;
import io.cloe.worker.config.WorkerConfig;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** Workers are killed with masks that nobody has heard of; a sweep takes those, and no other. */
class SweepIT {

    private static final List<String> SCANS = List.of("T1", "FLAIR");

    @TempDir
    Path folder;

    private Path masks;

    @Test
    void shouldDeleteOrphansAndNothingElseWhenWorkersWereKilled() throws Exception {
        Path volumes = Files.createDirectory(folder.resolve("volumes"));
        try (BrokerProcess broker = BrokerProcess.start(Files.createDirectory(folder.resolve("kafka")));
                TestCluster cluster = new TestCluster(broker.address())) {
            Topics topics = cluster.createTopics("", 1);
            Map<String, String> settings =
                    new TreeMap<>(cluster.workerSettings(folder, Repository.tinyBundle(), volumes));
            settings.put(WorkerConfig.APPLICATION_ID, "sweep");
            settings.put(InferenceConfig.INFERENCE_THREADS, "1");
            TestCluster.hastenTakeover(settings);
            masks = Path.of(settings.get(WorkerConfig.MASK_DIRECTORY));
            try (Fleet fleet = new Fleet(folder, settings);
                    Studies studies = new Studies(volumes, cluster.clients(""));
                    Outputs outputs = new Outputs(broker.address(), topics)) {
                Map<String, Path> files = studies.phantom("study", 0);

                // A result is committed; the next study's mask is written, and the worker dies before it says so.
                Standstill first = fleet.start(0, Step.AFTER_MASK, 2);
                studies.submit("kept", files, SCANS, event -> event.setExpectedModalities(SCANS));
                outputs.awaitResult("kept", 0);
                studies.submit("withdrawn", files, SCANS, event -> event.setExpectedModalities(SCANS));
                first.await();
                fleet.kill(0);
                Path orphan = onlyMaskOf("withdrawn");

                // The study is taken back while its job is done again: the job's result is not published.
                Standstill second = fleet.start(0, Step.BEFORE_DECODE, 1);
                second.await();
                studies.submit(
                        "withdrawn", files, SCANS, event -> event.setEventId("taken back: " + event.getModality())
                                .setOperation(ScanOperation.RETRACTED));
                outputs.awaitPhase("withdrawn", StudyPhase.WITHDRAWN);
                second.goOn();
                studies.submit("after", files, SCANS, event -> event.setExpectedModalities(SCANS));
                outputs.awaitResult("after", 0);
                cluster.awaitCaughtUp("sweep", topics);

                // A third study's result lies in the internal topic when the worker dies: it will refer to its mask.
                fleet.kill(0);
                Standstill third = fleet.start(0, Step.BEFORE_COMMIT, 1);
                studies.submit("on-its-way", files, SCANS, event -> event.setExpectedModalities(SCANS));
                third.await();
                fleet.kill(0);
                Path onItsWay = onlyMaskOf("on-its-way");
                Path leftover = Files.writeString(masks.resolve("kept/.writing-by-a-killed-worker.tmp"), "half a mask");

                String young = sweep(broker, "--delete");
                assertThat(young)
                        .startsWith("deleted 0 orphaned files")
                        .contains("kept 3 that results refer to, 2 too young");
                Set<Path> everything = files();
                makeAllOld();

                assertThat(sweep(broker)).startsWith("found 2 orphaned files").endsWith("nothing was deleted");
                assertThat(sweep(broker, "--delete", "--dry-run")).startsWith("found 2 orphaned files");
                assertThat(files()).isEqualTo(everything);

                assertThat(sweep(broker, "--delete", "--list"))
                        .contains("withdrawn/r0-", "kept/.writing-", "deleted 2 orphaned files");
                everything.removeAll(Set.of(orphan, leftover));
                assertThat(files()).isEqualTo(everything).contains(onItsWay);

                // What was on its way arrives, and its mask is there.
                fleet.start(0);
                Segmentation arrived = outputs.awaitResult("on-its-way", 0);
                assertThat(Path.of(URI.create(arrived.getMask().getUri())))
                        .isEqualTo(onItsWay)
                        .isNotEmptyFile();
                cluster.awaitCaughtUp("sweep", topics);
                fleet.stop(0);

                // Results leave the topic by its retention. Whoever read them still has their masks.
                makeAllOld();
                cluster.admin()
                        .deleteRecords(
                                Map.of(new TopicPartition(topics.segmentations(), 0), RecordsToDelete.beforeOffset(1)))
                        .all()
                        .get();
                assertThat(sweep(broker, "--delete"))
                        .contains("deleted 0 orphaned files", "1 as old as results that are gone");
                assertThat(files()).isEqualTo(everything);
            }
        }
    }

    private String sweep(BrokerProcess broker, String... more) {
        List<String> arguments = Stream.concat(
                        Stream.of(
                                "masks",
                                "sweep",
                                "-Dbootstrap.servers=" + broker.address(),
                                "-Dapplication.id=sweep",
                                "-Dmask.directory=" + masks),
                        Stream.of(more))
                .toList();
        StringWriter said = new StringWriter();
        CommandLine command = CloeCommand.commandLine();
        command.setOut(new PrintWriter(said, true)).setErr(new PrintWriter(said, true));
        int code = command.execute(arguments.toArray(String[]::new));
        assertThat(code).as(said.toString()).isEqualTo(ExitCode.OK);
        return said.toString().strip();
    }

    private Path onlyMaskOf(String study) throws IOException {
        try (Stream<Path> found = Files.list(masks.resolve(study))) {
            List<Path> files = found.toList();
            assertThat(files).hasSize(1);
            return files.get(0);
        }
    }

    private Set<Path> files() throws IOException {
        try (Stream<Path> found = Files.walk(masks)) {
            return found.filter(Files::isRegularFile).collect(Collectors.toCollection(TreeSet::new));
        }
    }

    private void makeAllOld() throws IOException {
        FileTime old = FileTime.from(Instant.now().minus(Duration.ofDays(2)));
        for (Path file : files()) {
            Files.setLastModifiedTime(file, old);
        }
    }
}
