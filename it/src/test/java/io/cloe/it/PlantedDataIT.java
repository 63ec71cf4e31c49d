package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.it.tools.NiftiFiles;
import io.cloe.it.tools.Outputs;
import io.cloe.it.tools.Outputs.Seen;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.Studies;
import io.cloe.it.tools.TestCluster;
import io.cloe.it.tools.Waiting;
import io.cloe.it.tools.WorkerJvm;
import io.cloe.schemas.CommandKind;
import io.cloe.schemas.FailureReason;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.ScanOperation;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.StudyCommand;
import io.cloe.schemas.StudyFailure;
import io.cloe.schemas.StudyPhase;
import io.cloe.schemas.VolumeReference;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.standalone.EmbeddedBroker;
import io.cloe.topology.Topics;
import io.cloe.worker.config.StudySettings;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.submit.StudyCommandProducer;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.apache.avro.Schema;
import org.apache.avro.generic.IndexedRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What must not get out of a worker is planted wherever a sender can put it, and looked for wherever a worker writes: its log at every
 * level, its records, its masks, its metrics and its answers over HTTP. Each kind of text has a mark of its own; a mark may stand only in the
 * fields that are for it.
 */
class PlantedDataIT {

    /** In study ids: for keys, the field {@code studyId} and the folder of masks. */
    private static final String STUDY = "MUSTERMANN";

    /** In event ids: for the field {@code eventId}. */
    private static final String EVENT = "PLANTEDEVENT";

    /** In signatures and passwords of URIs; for nothing. */
    private static final String SECRET = "PLANTEDSECRET";

    /** In folders and file names of volumes, and hosts and paths of URIs; for nothing. */
    private static final String PLACE = "PLANTEDPLACE";

    /** In text of NIfTI headers; for nothing. */
    private static final String HEADER = "PLANTEDHEAD"; // short enough for intent_name

    /** In names of modalities and families, formats and attributes; for nothing. */
    private static final String NAME = "PLANTEDNAME";

    /** In what operators and reviewers say. */
    private static final String REMARK = "PLANTEDREMARK";

    /** In key, value and headers of what is no record; for the dead letter's own key, value and headers. */
    private static final String LETTER = "PLANTEDLETTER";

    private static final Pattern ANY_MARK = Pattern.compile("MUSTERMANN|PLANTED", Pattern.CASE_INSENSITIVE);

    /** Field by field, what may stand in it. */
    private static final Map<String, Set<String>> ALLOWED = Map.of(
            "studyId", Set.of(STUDY),
            "eventId", Set.of(EVENT),
            "mask.uri", Set.of(STUDY),
            "reason", Set.of(REMARK));

    /** A web server that volumes may be read from, and that does not answer. */
    private static final String NOBODY_THERE = "http://127.0.0.1:1/";

    private static final List<String> ALL = List.of("T1", "T2", "FLAIR");
    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    @TempDir
    Path folder;

    private Topics topics;
    private Studies studies;
    private Outputs outputs;
    private Path masks;
    private String admin;
    private final List<String> answers = new ArrayList<>();

    @Test
    void shouldKeepWhatIsPlantedOutOfEverythingThatItWrites() throws Exception {
        Path volumes = Files.createDirectories(folder.resolve("volumes"));
        masks = folder.resolve("masks");
        try (EmbeddedBroker broker = EmbeddedBroker.start(Files.createDirectory(folder.resolve("kafka")), 0);
                TestCluster cluster = new TestCluster(broker.address())) {
            topics = cluster.createTopics("", 1);
            Map<String, String> settings = cluster.workerSettings(folder, Repository.tinyBundle(), volumes);
            settings.put(WorkerConfig.APPLICATION_ID, "privacy");
            settings.put(StudySettings.STUDY_TIMEOUT, "1h");
            settings.merge(WorkerConfig.VOLUME_ROOTS, NOBODY_THERE, (file, http) -> file + "," + http);
            settings.put(StudySettings.STUDY_SETTLE, "100ms");
            try (WorkerJvm worker = WorkerJvm.start(
                            folder.resolve("worker"),
                            settings,
                            List.of("-DLOG_LEVEL=TRACE", "-DLOG_LEVEL_KAFKA=INFO"));
                    Studies announced = new Studies(volumes, cluster.clients(""));
                    Outputs seen = new Outputs(broker.address(), topics)) {
                studies = announced;
                outputs = seen;
                admin = worker.process().outputLines().stream()
                        .filter(line -> line.startsWith("cloe: review page at "))
                        .map(line -> line.substring(line.lastIndexOf(' ') + 1).replaceFirst("/$", ""))
                        .findFirst()
                        .orElseThrow();

                sendGoodStudies();
                sendBadVolumes();
                sendRefusedPlaces();
                sendRefusedEvents();
                sendWhatIsNoRecord(broker.address());
                sendCommands(cluster);
                askOverHttp();

                outputs.drain();
                String metrics = get("/metrics");
                worker.stop();
                requireNothingIn("records", marksInRecords());
                requireNothingIn("masks", marksInMasks());
                requireNothingIn("metrics", lines(metrics.lines()));
                requireNothingIn("answers over HTTP", lines(answers.stream()));
                requireNothingIn(
                        "log and output",
                        lines(Stream.concat(
                                worker.process().outputLines().stream(), worker.process().errorLines().stream())));
                // Guards against a log that says nothing of what was done.
                assertThat(String.join("\n", worker.log()))
                        .contains(
                                " DEBUG ",
                                "queued",
                                "done: revision",
                                "VOLUME_CORRUPT",
                                "VOLUME_FORBIDDEN",
                                "the superseded mask cannot be read",
                                "unreadable record",
                                "cannot write a mask");
            }
        }
    }

    // ---- what is sent

    private static String id(String kind) {
        return STUDY + "-ERIKA-" + kind;
    }

    /** Volumes with planted headers, below a planted folder. */
    private Map<String, Path> volumes(String kind, int phantom) throws IOException {
        Map<String, Path> volumes = new TreeMap<>(studies.phantom(PLACE + "-" + kind, phantom));
        volumes.keySet().retainAll(ALL);
        for (Path file : volumes.values()) {
            NiftiFiles.plant(file, file, HEADER + "^".repeat(3) + HEADER);
        }
        return volumes;
    }

    private void send(
            String kind, Map<String, Path> volumes, List<String> modalities, Consumer<ScanEvent.Builder> change)
            throws IOException, InterruptedException {
        studies.submit(id(kind), volumes, modalities, event -> {
            event.setEventId(EVENT + UUID.randomUUID()).setAttributes(Map.of("site", NAME, NAME, "1"));
            change.accept(event);
        });
    }

    private void send(String kind, Map<String, Path> volumes) throws IOException, InterruptedException {
        send(kind, volumes, ALL, event -> event.setExpectedModalities(ALL));
    }

    private void sendGoodStudies() throws Exception {
        Map<String, Path> late = volumes("late", 0);
        send("late", late, List.of("T1", "FLAIR"), event -> event.setExpectedModalities(List.of("T1", "FLAIR")));
        Segmentation first = outputs.awaitResult(id("late"), 0);
        Files.writeString(Path.of(URI.create(first.getMask().getUri())), "another file");
        send("late", late, List.of("T2"), event -> {});
        assertThat(outputs.awaitResult(id("late"), 1).getFlags()).contains("PREVIOUS_MASK_UNREADABLE");
        send("late", late, List.of("T2"), event -> event.setScanRevision(1)
                .setVolume(null)
                .setOperation(ScanOperation.RETRACTED));
        outputs.awaitResult(id("late"), 2);

        // A file where the folder of its masks should be.
        Files.createDirectories(masks);
        Files.writeString(masks.resolve(id("no-mask")), "in the way");
        send("no-mask", volumes("no-mask", 1));
        awaitFailure("no-mask", FailureReason.MASK_STORE_ERROR);
    }

    private void sendBadVolumes() throws Exception {
        Map<String, Path> corrupt = volumes("corrupt", 1);
        NiftiFiles.corrupt(corrupt.get("T2"), corrupt.get("T2"));
        send("corrupt", corrupt);
        awaitFailure("corrupt", FailureReason.VOLUME_CORRUPT);

        Map<String, Path> grids = volumes("grids", 2);
        Path finer = studies.phantom(PLACE + "-finer", 2).get("T2");
        NiftiFiles.refine(finer, finer, 2);
        NiftiFiles.plant(finer, grids.get("T2"), HEADER);
        send("grids", grids);
        awaitFailure("grids", FailureReason.GEOMETRY_MISMATCH);

        Map<String, Path> text = volumes("text", 2);
        Files.writeString(text.get("T1"), (HEADER + " is no volume ").repeat(40));
        Files.delete(text.get("T2"));
        Files.delete(text.get("FLAIR"));
        for (String modality : ALL) {
            send("text", Map.of(modality, text.get("T1")), List.of(modality), event -> event.setExpectedModalities(ALL)
                    .setVolume(new VolumeReference(text.get(modality).toUri().toString(), "nifti", null, null)));
        }
        outputs.awaitPhase(id("text"), StudyPhase.FAILED);
    }

    /** Signed and other locations that no volume is read from. */
    private void sendRefusedPlaces() throws Exception {
        String file = folder.resolve("volumes").toUri() + PLACE + "/";
        String signed = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" + SECRET + "&X-Amz-Signature=" + SECRET;
        List<String> refused = List.of(
                "s3://" + PLACE + "/t1.nii.gz?" + signed,
                "https://" + PLACE + ".example/t1.nii.gz?" + signed,
                "https://user:" + SECRET + "@" + PLACE + ".example/t1.nii.gz",
                NOBODY_THERE + PLACE + "/t1.nii.gz?" + signed,
                "http://" + PLACE + ".example:99999/t1.nii.gz?sig=" + SECRET + "&se=2026",
                "ftp://user:" + SECRET + "@" + PLACE + ".example/t1.nii.gz",
                file + "t1.nii.gz?" + signed,
                file + "t1.nii.gz#" + SECRET,
                file + "../%2e%2e/" + SECRET,
                "file:///elsewhere/" + PLACE + "/" + SECRET + ".nii.gz",
                "file://user:" + SECRET + "@" + PLACE + "/t1.nii.gz",
                "no location [" + SECRET + "] of " + PLACE,
                "jar:" + file + "x.jar!/" + SECRET,
                "");
        for (int i = 0; i < refused.size(); i++) {
            String uri = refused.get(i);
            send("refused-" + i, Map.of("T1", anyFile()), List.of("T1"), event -> event.setExpectedModalities(
                            List.of("T1"))
                    .setVolume(new VolumeReference(uri, "nifti", null, null)));
        }
        send("format", Map.of("T1", anyFile()), List.of("T1"), event -> event.setExpectedModalities(List.of("T1"))
                .setVolume(new VolumeReference(event.getVolume().getUri(), NAME, null, null)));
        for (int i = 0; i < refused.size(); i++) {
            outputs.awaitPhase(id("refused-" + i), StudyPhase.FAILED);
        }
        outputs.awaitPhase(id("format"), StudyPhase.FAILED);
    }

    private Path anyFile() throws IOException {
        Path file = folder.resolve("volumes").resolve(PLACE + ".nii.gz");
        if (Files.notExists(file)) {
            Files.writeString(file, HEADER);
        }
        return file;
    }

    private void sendRefusedEvents() throws Exception {
        Map<String, Path> any = Map.of(NAME + " of a patient", anyFile(), "T1", anyFile());
        send("modality", any, List.of(NAME + " of a patient"), event -> {});
        awaitFailure("modality", FailureReason.UNKNOWN_MODALITY);
        send("family", any, List.of("T1"), event -> event.setModelFamily(NAME));
        awaitFailure("family", FailureReason.UNKNOWN_FAMILY);
        send("no-volume", any, List.of("T1"), event -> event.setVolume(null));
        awaitFailure("no-volume", FailureReason.INVALID_EVENT);
        send(
                "long",
                any,
                List.of("T1"),
                event -> event.setVolume(
                        new VolumeReference("https://" + PLACE + "/?" + SECRET.repeat(400), "nifti", null, null)));
        awaitFailure("long", FailureReason.INVALID_EVENT);
    }

    private void awaitFailure(String kind, FailureReason reason) {
        outputs.await(reason + " of " + kind, () -> outputs.of(id(kind), StudyFailure.class).stream()
                .anyMatch(failure -> failure.getReason() == reason));
    }

    private void sendWhatIsNoRecord(String broker) throws Exception {
        byte[] text = ("{\"patient\": \"" + LETTER + "\"}").getBytes(StandardCharsets.UTF_8);
        byte[] event = RecordSerde.of(ScanEvent.class)
                .serialize(
                        "",
                        Studies.event(LETTER, "T1", anyFile())
                                .setEventId(LETTER)
                                .build());
        byte[] otherSchema = event.clone();
        otherSchema[4] ^= 1;
        byte[] huge = Arrays.copyOf(event, event.length + 100);
        Arrays.fill(huge, 10, 20, (byte) 0x7F); // the length of its first text
        try (Producer<byte[], byte[]> producer = new KafkaProducer<>(
                Map.of(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, broker),
                new ByteArraySerializer(),
                new ByteArraySerializer())) {
            for (String topic : List.of(topics.scanEvents(), topics.studyCommands(), topics.inferenceResults())) {
                for (byte[] bad : List.of(text, otherSchema, Arrays.copyOf(event, event.length - 9), huge)) {
                    ProducerRecord<byte[], byte[]> record =
                            new ProducerRecord<>(topic, LETTER.getBytes(StandardCharsets.UTF_8), bad);
                    record.headers().add("patient", LETTER.getBytes(StandardCharsets.UTF_8));
                    producer.send(record).get();
                }
            }
        }
        outputs.await("the dead letters", () -> outputs.deadLetters().size() == 12);
    }

    private void sendCommands(TestCluster cluster) throws Exception {
        Map<String, Path> held = volumes("held", 3);
        send("held", held, List.of("T1"), event -> event.setExpectedModalities(ALL));
        outputs.awaitPhase(id("held"), StudyPhase.COLLECTING);
        try (StudyCommandProducer producer = new StudyCommandProducer(cluster.clients(""))) {
            for (CommandKind kind : CommandKind.values()) {
                producer.send(command(kind, id("never-seen")));
                producer.send(command(kind, id("late")));
            }
            producer.send(command(CommandKind.HOLD, id("held")));
            outputs.awaitPhase(id("held"), StudyPhase.HELD);
            producer.send(command(CommandKind.CANCEL, id("held")));
        }
        outputs.await("the cancelled study", () -> outputs.status(id("held"))
                .filter(status -> status.getPhase() != StudyPhase.HELD)
                .isPresent());
        Waiting.until("commands are ignored").until(() -> get("/metrics")
                .lines()
                .anyMatch(line -> line.startsWith("cloe_study_events_total{what=\"ignored_command\"")
                        && Double.parseDouble(line.substring(line.lastIndexOf(' '))) >= CommandKind.values().length));
    }

    private static StudyCommand command(CommandKind kind, String studyId) {
        return StudyCommand.newBuilder()
                .setCommandId(EVENT + UUID.randomUUID())
                .setStudyId(studyId)
                .setKind(kind)
                .setReason(REMARK)
                .setIssuedAt(Instant.now())
                .build();
    }

    private void askOverHttp() throws Exception {
        String study = "/studies/" + id("late");
        // What it answers about a study is for those who may ask; here only that asking leaves no trace in the log.
        for (String path : List.of(study, "/studies?text=" + STUDY, study + "/revisions/1/slices/axial/1")) {
            get(path);
        }
        for (String path : List.of(
                "/studies/" + id("never-seen"),
                study + "/revisions/99/mask",
                study + "/revisions/0/slices/axial/1",
                study + "/scans/" + EVENT + "/volume",
                study + "/scans/" + EVENT + "/slices/" + NAME + "/1",
                "/" + NAME + "?token=" + SECRET,
                "/studies?order=" + NAME,
                "/studies?limit=" + NAME)) {
            answers.add(get(path));
        }
        answers.add(
                post(study + "/revisions/1/feedback", "{\"verdict\":\"" + NAME + "\",\"reason\":\"" + REMARK + "\"}"));
        answers.add(post(study + "/revisions/1/feedback", "{" + REMARK));
        post(
                study + "/revisions/1/feedback",
                "{\"verdict\":\"REJECT\",\"reason\":\"" + REMARK + "\",\"reviewer\":\"" + REMARK + "\"}");
    }

    private String get(String path) throws IOException, InterruptedException {
        return send(HttpRequest.newBuilder(URI.create(admin + path)));
    }

    private String post(String path, String body) throws IOException, InterruptedException {
        return send(HttpRequest.newBuilder(URI.create(admin + path))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body)));
    }

    private static String send(HttpRequest.Builder request) throws IOException, InterruptedException {
        HttpResponse<String> answer =
                CLIENT.send(request.timeout(Waiting.PATIENCE).build(), HttpResponse.BodyHandlers.ofString());
        return answer.statusCode() + " " + answer.headers().map() + " " + answer.body();
    }

    // ---- where it is looked for

    private static void requireNothingIn(String where, List<String> found) {
        assertThat(found).as("planted text in the %s", where).isEmpty();
    }

    private static List<String> lines(Stream<String> lines) {
        return lines.filter(line -> ANY_MARK.matcher(line).find()).toList();
    }

    private List<String> marksInRecords() {
        List<String> found = new ArrayList<>();
        for (Seen seen : outputs.all()) {
            if (seen.value() == null) {
                for (Header header : seen.record().headers()) {
                    if (header.key().startsWith("__streams.errors.")) {
                        look(seen.record().topic(), header.key(), text(header.value()), found);
                    }
                }
            } else {
                look(seen.record().topic(), "studyId", text(seen.record().key()), found);
                for (Header header : seen.record().headers()) {
                    look(seen.record().topic(), header.key(), text(header.value()), found);
                }
                look(seen.record().topic(), "", seen.value(), found);
            }
        }
        return found;
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    private static void look(String topic, String path, Object value, List<String> found) {
        if (value instanceof IndexedRecord record) {
            for (Schema.Field field : record.getSchema().getFields()) {
                look(topic, path + "." + field.name(), record.get(field.pos()), found);
            }
        } else if (value instanceof Map<?, ?> map) {
            map.forEach((key, inner) -> look(topic, path, key + "=" + inner, found));
        } else if (value instanceof List<?> list) {
            list.forEach(inner -> look(topic, path, inner, found));
        } else if (value != null) {
            String rest = value.toString();
            for (Map.Entry<String, Set<String>> allowed : ALLOWED.entrySet()) {
                if (path.equals(allowed.getKey()) || path.endsWith("." + allowed.getKey())) {
                    for (String mark : allowed.getValue()) {
                        rest = rest.replace(mark, "");
                    }
                }
            }
            if (ANY_MARK.matcher(rest).find()) {
                found.add(topic + " " + path + ": " + value);
            }
        }
    }

    private List<String> marksInMasks() throws IOException {
        List<String> found = new ArrayList<>();
        try (Stream<Path> files = Files.walk(masks)) {
            for (Path file : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
                if (file.toString().endsWith(".nii.gz") && Files.size(file) > 100) {
                    try (GZIPInputStream in = new GZIPInputStream(Files.newInputStream(file))) {
                        if (ANY_MARK.matcher(text(in.readAllBytes())).find()) {
                            found.add(file.toString());
                        }
                    }
                }
            }
        }
        return found;
    }
}
