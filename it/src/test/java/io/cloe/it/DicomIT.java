package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.cloe.it.tools.ClassArchive;
import io.cloe.it.tools.FreePorts;
import io.cloe.it.tools.Outputs;
import io.cloe.it.tools.PythonForExamples;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.Studies;
import io.cloe.it.tools.TestCluster;
import io.cloe.it.tools.Waiting;
import io.cloe.it.tools.WorkerJvm;
import io.cloe.schemas.ScanReference;
import io.cloe.schemas.Segmentation;
import io.cloe.standalone.EmbeddedBroker;
import io.cloe.topology.Topics;
import io.cloe.worker.config.StudySettings;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.kafka.WorkerProcess;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The way in from DICOM: series of a study through dcm2niix to {@code cloe submit}, called by hand as mercure does it, and by a real
 * Orthanc. What comes out is what comes out of the volumes that the series were made of.
 */
class DicomIT {

    private static final double SAME_VOLUME = 1e-6;

    @TempDir
    static Path folder;

    private static EmbeddedBroker broker;
    private static TestCluster cluster;
    private static WorkerProcess worker;
    private static Outputs outputs;
    private static Path python;

    /** What the worker finds in the volumes that were never DICOM. */
    private static Segmentation direct;

    private static Map<String, Path> volumes;

    @BeforeAll
    static void start() throws Exception {
        assumeInstalled("dcm2niix");
        python = PythonForExamples.with("pydicom");
        broker = EmbeddedBroker.start(Files.createDirectory(folder.resolve("kafka")), 0);
        cluster = new TestCluster(broker.address());
        Topics topics = cluster.createTopics("", 2);
        Path studies = Files.createDirectory(folder.resolve("studies"));
        Map<String, String> settings =
                new TreeMap<>(cluster.workerSettings(folder.resolve("worker"), Repository.tinyBundle(), studies));
        settings.put(StudySettings.STUDY_TIMEOUT, "10m");
        worker = WorkerProcess.start(WorkerConfig.of(settings));
        outputs = new Outputs(broker.address(), topics);
        assertThat(worker.awaitRunning(Waiting.PATIENCE)).isTrue();
        try (Studies announced = new Studies(studies, cluster.clients(""))) {
            volumes = announced.phantom("direct", 0);
            announced.submit("direct", volumes, List.of("T1", "T2", "FLAIR"));
        }
        direct = outputs.awaitResult("direct", 0);
    }

    @AfterAll
    static void stop() throws Exception {
        for (AutoCloseable part : Arrays.asList(outputs, worker, cluster, broker)) {
            if (part != null) {
                part.close();
            }
        }
    }

    @Test
    void shouldSegmentAStudyWhenItComesThroughMercure() throws Exception {
        Path dicom = dicom("mercure", "1.2.826.0.1.3680043.2.1125.1");

        String study = ingested(mercure(dicom));

        assertSegmented(study, 0, 2, 3, 4);
        assertThat(mercure(dicom)).as("the same study again").contains("3 events of 1 studies sent");
        String log = mercure(dicom("repeated", "1.2.826.0.1.3680043.2.1125.1", "AX T2 repeated", 9));
        assertThat(ingested(log)).isEqualTo(study);
        assertSegmented(study, 1, 2, 9, 4);
        assertThat(outputs.segmentations(study)).hasSize(2);
    }

    @Test
    void shouldSegmentAStudyWhenOrthancSaysThatItIsStable() throws Exception {
        assumeInstalled("Orthanc");
        assumeInstalled("curl");
        assumeInstalled("unzip");
        Path dicom = dicom("orthanc", "1.2.826.0.1.3680043.2.1125.2");
        int port = FreePorts.next();
        Path log = Files.createFile(folder.resolve("hook.log"));
        Path hook = Files.writeString(
                folder.resolve("hook"),
                String.join(
                        "\n",
                        "ORTHANC_URL=http://127.0.0.1:" + port,
                        "INGEST_OPTIONS=\"" + ingestOptions() + "\"",
                        "SUBMIT_OPTIONS=\"-Dbootstrap.servers=" + broker.address() + "\"",
                        "HOOK_LOG=" + log));
        Process orthanc = orthanc(port, hook);
        try {
            URI url = URI.create("http://127.0.0.1:" + port);
            Waiting.until("Orthanc answers")
                    .ignoreExceptions()
                    .until(() ->
                            send(HttpRequest.newBuilder(url.resolve("/system"))).statusCode() == 200);
            HttpResponse<String> taken = send(HttpRequest.newBuilder(url.resolve("/instances"))
                    .POST(HttpRequest.BodyPublishers.ofByteArray(zip(dicom))));
            assertThat(taken.statusCode()).as(taken.body()).isEqualTo(200);
            Waiting.until("the hook has run").until(() -> Files.readString(log).contains("on-stable-study: exit"));

            assertSegmented(ingested(Files.readString(log)), 0, 2, 3, 4);
        } finally {
            orthanc.destroyForcibly();
        }
    }

    private static void assertSegmented(String study, int revision, int... seriesNumbers) {
        Segmentation result = outputs.awaitResult(study, revision);
        assertThat(result.getUsed())
                .extracting(ScanReference::getModality)
                .containsExactlyInAnyOrder("T1", "T2", "FLAIR");
        assertThat(result.getUsed())
                .extracting(ScanReference::getScanRevision)
                .containsExactlyInAnyOrder(Arrays.stream(seriesNumbers).boxed().toArray(Integer[]::new));
        assertThat(result.getVolumesMl().keySet())
                .isEqualTo(direct.getVolumesMl().keySet());
        direct.getVolumesMl()
                .forEach((region, volume) -> assertThat(result.getVolumesMl().get(region))
                        .as(region)
                        .isCloseTo(volume, within(SAME_VOLUME)));
    }

    /** A study of three series and a scout. */
    private static Path dicom(String name, String study) throws Exception {
        Path target = folder.resolve(name);
        writeDicom(target, study, 1, "Scout=T2", "AX T1 MPRAGE=T1", "AX T2 TSE=T2", "SAG 3D FLAIR=FLAIR");
        return target;
    }

    private static Path dicom(String name, String study, String description, int number) throws Exception {
        Path target = folder.resolve(name);
        writeDicom(target, study, number, description + "=T2");
        return target;
    }

    private static void writeDicom(Path target, String study, int firstNumber, String... series) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                python.toString(),
                Repository.root().resolve("it/src/test/python/write_dicom.py").toString(),
                target.toString(),
                study,
                Integer.toString(firstNumber)));
        for (String one : series) {
            String[] parts = one.split("=");
            command.add(parts[0] + "=" + volumes.get(parts[1]));
        }
        run(new ProcessBuilder(command));
    }

    private static String mercure(Path dicom) throws Exception {
        ProcessBuilder program = new ProcessBuilder(
                Repository.root().resolve("deploy/dicom/mercure/entrypoint").toString());
        program.environment().put("MERCURE_IN_DIR", dicom.toString());
        program.environment().put("INGEST_OPTIONS", ingestOptions());
        program.environment().put("SUBMIT_OPTIONS", "-Dbootstrap.servers=" + broker.address());
        environment(program);
        return run(program);
    }

    private static Process orthanc(int port, Path hook) throws IOException {
        Path storage = Files.createDirectory(folder.resolve("orthanc-storage"));
        Path settings = Files.writeString(
                folder.resolve("orthanc.json"),
                "{'StorageDirectory': 'STORAGE', 'IndexDirectory': 'STORAGE', 'HttpPort': PORT, 'DicomServerEnabled': false, "
                                .replace("STORAGE", storage.toString())
                                .replace("PORT", Integer.toString(port))
                                .replace('\'', '"')
                        + "\"AuthenticationEnabled\": false, \"StableAge\": 2, \"LuaScripts\": [\""
                        + Repository.root().resolve("deploy/dicom/orthanc/cloe.lua") + "\"]}");
        ProcessBuilder program = new ProcessBuilder("Orthanc", settings.toString())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("orthanc.log").toFile());
        program.environment()
                .put(
                        "STABLE_STUDY_HOOK",
                        Repository.root()
                                .resolve("deploy/dicom/orthanc/on-stable-study")
                                .toString());
        program.environment().put("ORTHANC_HOOK_SETTINGS", hook.toString());
        environment(program);
        return program.start();
    }

    private static String ingestOptions() throws IOException {
        Path key = folder.resolve("pseudonym.key");
        Path cloe = folder.resolve("cloe");
        if (!Files.exists(key)) {
            Files.writeString(key, "a key of the test, which is long enough");
            Files.writeString(
                    cloe,
                    "#!/bin/sh\nexec '" + Path.of(System.getProperty("java.home"), "bin", "java") + "' "
                            + String.join(" ", ClassArchive.options()) + " " + String.join(" ", WorkerJvm.OPTIONS) + " "
                            + WorkerJvm.MAIN + " \"$@\"\n");
            assertThat(cloe.toFile().setExecutable(true)).isTrue();
        }
        return "--studies " + folder.resolve("studies") + " --key-file " + key + " --cloe " + cloe;
    }

    private static void environment(ProcessBuilder program) {
        program.environment().put("CLASSPATH", ClassArchive.classPath());
    }

    /** The study's name, from what {@code ingest} says. */
    private static String ingested(String log) {
        return log.lines()
                .filter(line -> line.matches("s[0-9a-f]{20}: FLAIR T1 T2|s[0-9a-f]{20}: T2"))
                .map(line -> line.substring(0, line.indexOf(':')))
                .reduce((first, last) -> last)
                .orElseThrow(() -> new AssertionError(log));
    }

    /** Over a connection of its own: Orthanc closes each after its answer without saying so. */
    private static HttpResponse<String> send(HttpRequest.Builder request) throws IOException, InterruptedException {
        return HttpClient.newHttpClient().send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    private static byte[] zip(Path folder) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes);
                DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
            for (Path file : files) {
                zip.putNextEntry(new ZipEntry(file.getFileName().toString()));
                Files.copy(file, zip);
            }
        }
        return bytes.toByteArray();
    }

    private static String run(ProcessBuilder program) throws Exception {
        Path output = Files.createTempFile(folder, "program-", ".out");
        Process process = program.redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        try {
            assertThat(process.waitFor(Waiting.PATIENCE.toSeconds(), TimeUnit.SECONDS))
                    .as("ended in time")
                    .isTrue();
        } finally {
            process.destroyForcibly();
        }
        String said = Files.readString(output);
        assertThat(process.exitValue()).as(said).isZero();
        return said;
    }

    private static void assumeInstalled(String program) {
        boolean there = Arrays.stream(System.getenv("PATH").split(":"))
                .map(place -> Path.of(place, program))
                .anyMatch(Files::isExecutable);
        Assumptions.assumeTrue(there, "skipped: " + program + " is not installed");
    }
}
