package io.cloe.standalone;

import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyFailure;
import io.cloe.standalone.DemoPlan.Expected;
import io.cloe.worker.admin.AdminService;
import io.cloe.worker.cli.ExitCode;
import io.cloe.worker.cli.StopSignal;
import io.cloe.worker.config.InferenceConfig;
import io.cloe.worker.config.StudySettings;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.kafka.ClientSettings;
import io.cloe.worker.kafka.TopicAdmin;
import io.cloe.worker.kafka.WorkerParts;
import io.cloe.worker.results.OutputReader;
import io.cloe.worker.results.OutputReader.Output;
import io.cloe.worker.results.RecordJson;
import io.cloe.worker.results.ResultPairing;
import io.cloe.worker.results.ResultTable;
import io.cloe.worker.submit.ScanEventProducer;
import io.cloe.worker.submit.ScanEvents;
import io.cloe.worker.submit.StudyFolder;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.utils.Utils;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code cloe demo}. */
@Command(
        name = "demo",
        description = {
            "Shows the whole path on a real broker in this process: studies in, masks and gating weights out.",
            "The studies are generated phantoms and the model is for demonstration: NOT FOR CLINICAL USE."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false,
        usageHelpWidth = 120,
        footerHeading = "%nExamples:%n",
        footer = {
            "  cloe demo --bundle BUNDLE --phantoms DIR",
            "From a clone of the project, which has both:",
            "  deploy/demo --out /tmp/cloe-demo --keep"
        })
final class DemoCommand implements Callable<Integer> {

    private static final Duration STUDY_TIMEOUT = Duration.ofSeconds(5);
    private static final Duration POLL = Duration.ofMillis(200);

    @Option(names = "--bundle", required = true, paramLabel = "DIR", description = "Model bundle to serve.")
    private Path bundle;

    @Option(names = "--phantoms", required = true, paramLabel = "DIR", description = "Folder of phantom studies.")
    private Path phantoms;

    @Option(names = "--out", paramLabel = "DIR", description = "Keep results.jsonl, masks/ and studies/ here.")
    private Path out;

    @Option(names = "--keep", description = "Stay up afterwards, and say how to talk to it.")
    private boolean keep;

    @Option(names = "--timeout-seconds", defaultValue = "180", description = "Give up after this time.")
    private int timeoutSeconds;

    @Spec
    private CommandSpec spec;

    private final List<AutoCloseable> started = new ArrayList<>();
    private Path scratch;
    private boolean stopping;
    private PrintWriter console;

    @Override
    public Integer call() throws Exception {
        console = spec.commandLine().getOut();
        scratch = Files.createTempDirectory("cloe-demo-");
        StopSignal.onStop(this::stop);
        try {
            return demonstrate((out == null ? scratch.resolve("out") : out)
                    .toAbsolutePath()
                    .normalize());
        } catch (Exception e) {
            // What was stopped under its hands is no news to whoever stopped it.
            StopSignal.awaitEndIfReceived();
            throw e;
        } finally {
            stop();
        }
    }

    /**
     * Does a step that leaves something to clean up. A signal waits until the step is done, and after a signal no step begins: what
     * was only half there could not be stopped, and would go on writing into the folder while it is removed.
     */
    private synchronized <T> T unlessStopping(Callable<T> step) throws Exception {
        if (stopping) {
            throw new CancellationException("the demo was stopped");
        }
        return step.call();
    }

    private <T extends AutoCloseable> T start(Callable<T> starting) throws Exception {
        return unlessStopping(() -> {
            T part = starting.call();
            started.add(0, part);
            return part;
        });
    }

    private int demonstrate(Path folder) throws Exception {
        Path studies = folder.resolve("studies");
        Map<String, StudyFolder> inputs = unlessStopping(() -> copyPhantoms(Files.createDirectories(studies)));
        say("starting a Kafka broker on loopback");
        EmbeddedBroker broker = start(() -> EmbeddedBroker.start(Files.createDirectory(scratch.resolve("kafka")), 0));
        WorkerConfig config = config(broker.address(), folder, studies);
        ClientSettings clients = ClientSettings.of(config);
        try (TopicAdmin topics = new TopicAdmin(clients)) {
            say("creating topics: "
                    + String.join(", ", topics.create(config.partitions(), config.replicationFactor())));
        }
        say("starting the worker with model bundle " + bundle.getFileName());
        AdminService worker = start(() -> AdminService.start(config, WorkerParts.plain()));
        worker.address().ifPresent(address -> say("review page at " + address));
        if (!worker.worker().awaitRunning(Duration.ofSeconds(timeoutSeconds))) {
            spec.commandLine().getErr().println("cloe: the worker did not start; see the log above");
            return ExitCode.FAILED;
        }
        int code = submitAndWatch(clients, inputs, folder);
        if (keep) {
            stayUp(broker.address(), folder, worker);
        }
        return code;
    }

    private WorkerConfig config(String brokers, Path folder, Path studies) throws Exception {
        Map<String, String> settings = new HashMap<>();
        settings.put(WorkerConfig.BOOTSTRAP_SERVERS, brokers);
        settings.put(WorkerConfig.MODEL_BUNDLES, bundle.toAbsolutePath().toString());
        settings.put(WorkerConfig.VOLUME_ROOTS, studies.toString());
        settings.put(WorkerConfig.MASK_DIRECTORY, folder.resolve("masks").toString());
        settings.put(WorkerConfig.STATE_DIRECTORY, scratch.resolve("state").toString());
        settings.put(InferenceConfig.DEVICE, "auto");
        settings.put(WorkerConfig.TOPICS_PARTITIONS, "4");
        settings.put(WorkerConfig.REPLICATION_FACTOR, "1");
        settings.put(StudySettings.STUDY_TIMEOUT, STUDY_TIMEOUT.toSeconds() + "s");
        settings.put(StudySettings.STUDY_SETTLE, "1s");
        return WorkerConfig.of(settings);
    }

    /** One phantom per study of the plan, under the study's name. */
    private Map<String, StudyFolder> copyPhantoms(Path studies) throws IOException {
        List<StudyFolder> available = StudyFolder.below(phantoms);
        if (available.size() < DemoPlan.STUDIES.size()) {
            throw new IOException("the demo needs " + DemoPlan.STUDIES.size() + " phantoms, found " + available.size());
        }
        Map<String, StudyFolder> inputs = new LinkedHashMap<>();
        for (int i = 0; i < DemoPlan.STUDIES.size(); i++) {
            String id = DemoPlan.STUDIES.get(i).id();
            Path target = Files.createDirectories(studies.resolve(id));
            for (Path volume : available.get(i).volumes().values()) {
                Files.copy(volume, target.resolve(volume.getFileName()), StandardCopyOption.REPLACE_EXISTING);
            }
            inputs.put(id, StudyFolder.below(target).get(0));
        }
        return inputs;
    }

    private int submitAndWatch(ClientSettings clients, Map<String, StudyFolder> inputs, Path folder) throws Exception {
        List<Expected> open = new ArrayList<>(DemoPlan.expected());
        List<ResultPairing.Result> results = new ArrayList<>();
        List<String> surprises = new ArrayList<>();
        ResultPairing pairing = new ResultPairing();
        long end = System.nanoTime() + Duration.ofSeconds(timeoutSeconds).toNanos();
        try (OutputReader reader = new OutputReader(clients, true);
                ScanEventProducer producer = new ScanEventProducer(clients);
                BufferedWriter file = unlessStopping(
                        () -> Files.newBufferedWriter(folder.resolve("results.jsonl"), StandardCharsets.UTF_8))) {
            for (DemoPlan.Study study : DemoPlan.STUDIES) {
                submit(producer, study.id(), study.first(), inputs);
            }
            while (!open.isEmpty() && System.nanoTime() < end) {
                for (Output output : reader.poll(POLL)) {
                    file.write(RecordJson.withTopic(output.topic(), output.value()) + "\n");
                    if (output.value() instanceof StudyFailure failure) {
                        surprises.add(failure.getStudyId() + ": " + failure.getReason());
                    }
                    ResultPairing.Result result = pairing.add(output.value()).orElse(null);
                    if (result != null) {
                        results.add(result);
                        accept(result.segmentation(), results.size(), open, surprises);
                        submitLate(producer, result.segmentation(), inputs);
                    }
                }
            }
        }
        return report(results, open, surprises, folder);
    }

    private void submit(
            ScanEventProducer producer, String studyId, List<String> modalities, Map<String, StudyFolder> inputs)
            throws IOException, InterruptedException {
        for (String modality : modalities) {
            Path volume = inputs.get(studyId).volumes().get(modality);
            producer.send(ScanEvents.available(studyId, modality, volume, 0, Instant.now())
                    .build());
        }
        say("sent " + studyId + ": " + String.join(" ", modalities));
    }

    private void submitLate(ScanEventProducer producer, Segmentation result, Map<String, StudyFolder> inputs)
            throws IOException, InterruptedException {
        for (DemoPlan.Study study : DemoPlan.STUDIES) {
            boolean nowLate = study.id().equals(result.getStudyId())
                    && result.getRevision() == 0
                    && !study.late().isEmpty();
            if (nowLate) {
                submit(producer, study.id(), study.late(), inputs);
            }
        }
    }

    private void accept(Segmentation result, int number, List<Expected> open, List<String> surprises) {
        Expected came = Expected.of(result);
        say("result " + number + " of " + DemoPlan.expected().size() + ": " + came.studyId() + " revision "
                + came.revision() + ", " + came.trigger() + ", " + String.join(" ", came.used()));
        if (!open.remove(came)) {
            surprises.add("not expected: " + came);
        }
    }

    private int report(List<ResultPairing.Result> results, List<Expected> open, List<String> surprises, Path folder) {
        console.println();
        console.print(ResultTable.header());
        results.forEach(result -> console.print(ResultTable.row(result.segmentation(), result.weights())));
        console.println();
        console.println(
                "Weights: how far the model trusted each modality; 1/k for one and two modalities, where the gate"
                        + " cannot act.");
        console.println("Phantoms and a demonstration model: NOT FOR CLINICAL USE.");
        open.forEach(missing -> console.println("missing: " + missing));
        surprises.forEach(console::println);
        if (out != null) {
            console.println("kept: " + folder.resolve("results.jsonl") + ", " + folder.resolve("masks") + ", "
                    + folder.resolve("studies"));
        }
        console.println(
                "Next: open a mask over its study's FLAIR in any NIfTI viewer (--out keeps both); README.md, 'Run it', for your own studies.");
        console.flush();
        boolean good = open.isEmpty() && surprises.isEmpty();
        return good ? ExitCode.OK : open.isEmpty() ? ExitCode.FAILED : ExitCode.TIMEOUT;
    }

    private void stayUp(String address, Path folder, AdminService worker) throws InterruptedException {
        console.println();
        console.println("Still running; Ctrl-C stops it.");
        worker.address().ifPresent(page -> console.println("Review the results in a browser: " + page));
        console.println("In another terminal:");
        console.println("  cloe watch -Dbootstrap.servers=" + address + " --from-beginning");
        console.println("  cloe submit -Dbootstrap.servers=" + address + " DIR     (DIR below "
                + folder.resolve("studies") + ")");
        console.flush();
        new CountDownLatch(1).await();
    }

    private void say(String what) {
        console.println("demo: " + what);
        console.flush();
    }

    /** Stops everything that was started, last first, and removes what was temporary. Called at most twice. */
    private synchronized void stop() {
        stopping = true;
        for (AutoCloseable part : started) {
            try {
                part.close();
            } catch (Exception e) {
                spec.commandLine().getErr().println("cloe: " + part.getClass().getSimpleName() + " did not stop: " + e);
            }
        }
        started.clear();
        if (scratch != null) {
            try {
                Utils.delete(scratch.toFile()); // unlike a plain walk, not troubled by files that vanish meanwhile
            } catch (IOException e) {
                spec.commandLine().getErr().println("cloe: cannot remove " + scratch + ": " + e);
            }
            scratch = null;
        }
    }
}
