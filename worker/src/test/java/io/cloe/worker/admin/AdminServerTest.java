package io.cloe.worker.admin;

import static io.cloe.worker.review.Studies.START;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cloe.schemas.QaVerdict;
import io.cloe.schemas.StudyPhase;
import io.cloe.worker.RecordedLog;
import io.cloe.worker.review.Studies;
import io.cloe.worker.volume.NiftiBytes;
import io.cloe.worker.volume.NiftiReader;
import io.cloe.worker.volume.Volume;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AdminServerTest {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final List<String> ALL = List.of("T1", "T1CE", "T2", "FLAIR");
    private static final String TOKEN = "a-token-of-more-than-sixteen-characters";

    @TempDir
    Path folder;

    private RunningAdmin admin;

    @BeforeEach
    void start() throws Exception {
        admin = new RunningAdmin(Optional.empty(), folder);
    }

    @AfterEach
    void stop() {
        admin.close();
    }

    private JsonNode json(String path) throws Exception {
        return JSON.readTree(admin.get(path).body());
    }

    private void study(String id) {
        admin.catalogue.accept(Studies.segmentation(id, 0, ALL));
        admin.catalogue.accept(Studies.weights(id, 0, ALL, 0.8));
        admin.catalogue.accept(Studies.status(id, StudyPhase.SEGMENTED, START, ALL));
    }

    private void volume(String id, String modality) throws Exception {
        float[] voxels = new float[4 * 5 * 6];
        for (int i = 0; i < voxels.length; i++) {
            voxels[i] = i;
        }
        Path file = folder.resolve(modality + ".nii");
        Files.write(
                file,
                NiftiBytes.standard()
                        .dims(4, 5, 6)
                        .type(16, 32)
                        .affine(-1, 0, 0, 0, 0, -2, 0, 0, 0, 0, 3, 0)
                        .floats(voxels)
                        .bytes());
        admin.catalogue.accept(Studies.scan(id, modality, file.toUri().toString()));
    }

    @Test
    void shouldAnswerProbesWhenAsked() throws Exception {
        assertThat(admin.get("health/live").statusCode()).isEqualTo(200);
        assertThat(admin.get("health/ready").statusCode()).isEqualTo(200);
        admin.ready.set(false);
        assertThat(admin.get("health/ready").statusCode()).isEqualTo(503);
        assertThat(admin.get("health/live").statusCode()).isEqualTo(200);
        admin.live.set(false);
        assertThat(admin.get("health/live").statusCode()).isEqualTo(503);
    }

    @Test
    void shouldGiveMetricsInEitherFormWhenScraped() throws Exception {
        HttpResponse<byte[]> plain = admin.get("metrics");
        assertThat(plain.headers().firstValue("Content-Type").orElseThrow()).startsWith("text/plain");
        assertThat(new String(plain.body(), StandardCharsets.UTF_8)).contains("# TYPE jvm_memory_used_bytes gauge");
        HttpResponse<byte[]> open =
                admin.send(admin.request("metrics").header("Accept", "application/openmetrics-text; version=1.0.0"));
        assertThat(new String(open.body(), StandardCharsets.UTF_8)).endsWith("# EOF\n");
    }

    @Test
    void shouldListStudiesAndWhyToLookWhenAsked() throws Exception {
        study("quiet");
        admin.catalogue.accept(Studies.status("failed one", StudyPhase.FAILED, START, List.of()));

        JsonNode list = json("studies?limit=1");

        assertThat(list.get("total").asInt()).isEqualTo(2);
        assertThat(list.get("studies")).hasSize(1);
        assertThat(list.at("/studies/0/studyId").asText()).isEqualTo("failed one");
        assertThat(list.at("/studies/0/look/0").asText()).isEqualTo("FAILED");
        JsonNode quiet = json("studies?phase=segmented").at("/studies/0");
        assertThat(quiet.get("studyId").asText()).isEqualTo("quiet");
        assertThat(quiet.get("look")).isEmpty();
    }

    @Test
    void shouldTellAStudysWholeStoryButNotWhereItsFilesLieWhenAskedForIt() throws Exception {
        String id = "1.2/ü %";
        study(id);
        admin.catalogue.accept(Studies.segmentation(id, 1, ALL));
        admin.catalogue.accept(Studies.feedback(id, 1, QaVerdict.REJECT, "wrong side"));
        volume(id, "T1");

        HttpResponse<byte[]> answer = admin.get("studies/1.2%2F%C3%BC%20%25");

        assertThat(answer.statusCode()).isEqualTo(200);
        assertThat(answer.headers().firstValue("Cache-Control")).contains("no-store");
        String text = new String(answer.body(), StandardCharsets.UTF_8);
        assertThat(text).doesNotContain("secret-place", folder.toString());
        JsonNode study = JSON.readTree(text);
        assertThat(study.get("revisions")).hasSize(2);
        assertThat(study.at("/revisions/1/feedback/reason").asText()).isEqualTo("wrong side");
        assertThat(study.at("/revisions/0/weights/modalities")).hasSize(4);
        assertThat(study.at("/revisions/0/used/0/viewable").asBoolean()).isTrue();
        assertThat(study.at("/revisions/0/used/1/viewable").asBoolean()).isFalse();
        assertThat(study.at("/consistencyBands/T1/global/studies").asInt()).isZero();
        assertThat(study.at("/revisions/0/labels/2/name").asText()).isEqualTo("ET");
    }

    @Test
    void shouldShowAVolumeWithoutItsHeaderTextWhenAskedForIt() throws Exception {
        study("study");
        Path file = folder.resolve("t2.nii");
        NiftiBytes nifti = NiftiBytes.standard().dims(4, 5, 6).type(16, 32).floats(new float[120]);
        byte[] bytes = nifti.bytes();
        byte[] planted = "DOE^JANE 1970".getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(planted, 0, bytes, 148, planted.length); // descrip
        Files.write(file, bytes);
        admin.catalogue.accept(Studies.scan("study", "T2", file.toUri().toString()));

        HttpResponse<byte[]> answer = admin.get("studies/study/scans/study%2FT2/volume");

        assertThat(answer.statusCode()).isEqualTo(200);
        byte[] sent = new java.util.zip.GZIPInputStream(new ByteArrayInputStream(answer.body())).readAllBytes();
        assertThat(new String(sent, StandardCharsets.ISO_8859_1)).doesNotContain("JANE");
        Volume volume = new NiftiReader(1_000).read(new ByteArrayInputStream(sent), sent.length);
        assertThat(volume.grid().dims()).containsExactly(4, 5, 6);
    }

    @Test
    void shouldShowSlicesTheRightWayUpWhenWebGlIsNotThere() throws Exception {
        study("study");
        volume("study", "T1"); // stored as LPS: i to the left, j to the back, k to the top; voxel = i + 4 j + 20 k

        JsonNode view = json("studies/study/scans/study%2FT1/view");
        assertThat(view.get("dims").toString()).isEqualTo("[4,5,6]");
        assertThat(view.get("spacingMm").toString()).isEqualTo("[1.0,2.0,3.0]");
        var axial = ImageIO.read(new ByteArrayInputStream(
                admin.get("studies/study/scans/study%2FT1/slices/axial/5").body()));
        assertThat(axial.getWidth()).isEqualTo(4);
        assertThat(axial.getHeight()).isEqualTo(5);
        assertThat(axial.getRaster().getSample(0, 0, 0))
                .as("front right is the darkest of the slice")
                .isLessThan(axial.getRaster().getSample(3, 4, 0));
        var coronal = ImageIO.read(new ByteArrayInputStream(
                admin.get("studies/study/scans/study%2FT1/slices/coronal/0").body()));
        assertThat(coronal.getHeight()).isEqualTo(6);
        assertThat(coronal.getRaster().getSample(0, 0, 0))
                .as("the top of the head is at the top")
                .isGreaterThan(coronal.getRaster().getSample(0, 5, 0));
        var sagittal = ImageIO.read(new ByteArrayInputStream(
                admin.get("studies/study/scans/study%2FT1/slices/sagittal/0").body()));
        assertThat(sagittal.getRaster().getSample(0, 5, 0))
                .as("the face is on the left")
                .isLessThan(sagittal.getRaster().getSample(4, 5, 0));
    }

    @Test
    void shouldHandAVerdictOnWhenOneIsGiven() throws Exception {
        study("study");

        HttpResponse<byte[]> answer = admin.send(admin.post(
                "studies/study/revisions/0/feedback", "{\"verdict\":\"correct\",\"reason\":\" edge of ED \"}"));

        assertThat(answer.statusCode()).isEqualTo(201);
        assertThat(admin.feedback).hasSize(1);
        assertThat(admin.feedback.get(0).getVerdict()).isEqualTo(QaVerdict.CORRECT);
        assertThat(admin.feedback.get(0).getReason()).isEqualTo("edge of ED");
        assertThat(json("studies").at("/studies/0/verdict").asText()).isEqualTo("CORRECT");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"verdict\":\"REJECT\"}",
                "{\"verdict\":\"REJECT\",\"reason\":\"  \"}",
                "{\"verdict\":\"UNKNOWN\",\"reason\":\"x\"}",
                "{\"verdict\":\"maybe\"}",
                "{\"verdict\":{\"a\":1}}",
                "{\"verdict\":\"ACCEPT\",\"reason\":\"\\u0000\"}",
                "{\"verdict\":\"ACCEPT\"} x",
                "[]",
                "{",
                ""
            })
    void shouldRefuseAVerdictWhenItMakesNoSense(String body) throws Exception {
        study("study");

        HttpResponse<byte[]> answer = admin.send(admin.post("studies/study/revisions/0/feedback", body));

        assertThat(answer.statusCode()).isEqualTo(400);
        assertThat(JSON.readTree(answer.body()).get("error").asText()).startsWith("BAD_");
        assertThat(admin.feedback).isEmpty();
    }

    @Test
    void shouldSayThatAVerdictIsNotKeptWhenKafkaDoesNotTakeIt() throws Exception {
        study("study");
        admin.kafkaDown.set(true);

        HttpResponse<byte[]> answer =
                admin.send(admin.post("studies/study/revisions/0/feedback", "{\"verdict\":\"ACCEPT\"}"));

        assertThat(answer.statusCode()).isEqualTo(503);
        assertThat(json("studies").at("/studies/0/verdict").isNull()).isTrue();
    }

    @Test
    void shouldRefuseAVerdictWhenAForeignPageSendsIt() throws Exception {
        study("study");
        String path = "studies/study/revisions/0/feedback";
        HttpRequest.Builder form = admin.request(path)
                .header("Content-Type", "text/plain")
                .POST(HttpRequest.BodyPublishers.ofString("{\"verdict\":\"ACCEPT\"}"));
        HttpRequest.Builder foreign =
                admin.post(path, "{\"verdict\":\"ACCEPT\"}").header("Sec-Fetch-Site", "cross-site");

        assertThat(admin.send(form).statusCode()).isEqualTo(415);
        assertThat(admin.send(foreign).statusCode()).isEqualTo(403);
        assertThat(admin.feedback).isEmpty();
    }

    @Test
    void shouldAnswerOnlyThoseWhoKnowTheTokenWhenThereIsOne() throws Exception {
        try (RunningAdmin guarded = new RunningAdmin(Optional.of(TOKEN), folder)) {
            for (String path : List.of("studies", "metrics", "studies/x", "events", "nothing/here")) {
                HttpResponse<byte[]> refused = guarded.get(path);
                assertThat(refused.statusCode()).as(path).isEqualTo(401);
                assertThat(refused.headers().firstValue("WWW-Authenticate")).contains("Bearer");
            }
            for (String wrong : List.of("Bearer " + TOKEN + "x", "Bearer ", "Basic " + TOKEN, TOKEN)) {
                assertThat(guarded.send(guarded.request("studies").header("Authorization", wrong))
                                .statusCode())
                        .isEqualTo(401);
            }
            assertThat(guarded.send(guarded.request("studies").header("Authorization", "bearer " + TOKEN))
                            .statusCode())
                    .isEqualTo(200);
            assertThat(guarded.get("health/live").statusCode()).as("probes").isEqualTo(200);
            assertThat(guarded.get("").statusCode()).as("the page itself").isEqualTo(200);
        }
    }

    @Test
    void shouldRefuseAForeignNameWhenThereIsNoToken() throws Exception {
        String answer = raw("GET /studies HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
        assertThat(answer).startsWith("HTTP/1.1 403").contains("FORBIDDEN_HOST");
        assertThat(raw("GET /studies HTTP/1.1\r\nHost: LocalHost:1234\r\nConnection: close\r\n\r\n"))
                .startsWith("HTTP/1.1 200");
    }

    private String raw(String request) throws Exception {
        URI address = admin.address();
        try (Socket socket = new Socket(address.getHost(), address.getPort())) {
            socket.setSoTimeout(20_000);
            socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "studies/unknown",
                "studies/unknown/scans/x/volume",
                "studies/unknown/revisions/0/mask",
                "studies/known/revisions/7/mask",
                "studies/known/revisions/0/mask/more",
                "studies/known/scans/x/slices/axial/0",
                "page/..%2F..%2Flogback.xml",
                "page/AdminServer.class",
                "page/",
                "health",
                "health/else",
                "metrics/all",
                "nothing"
            })
    void shouldSayThatThereIsNothingWhenThereIsNothing(String path) throws Exception {
        study("known");
        HttpResponse<byte[]> answer = admin.get(path);
        assertThat(answer.statusCode()).isEqualTo(404);
        assertThat(JSON.readTree(answer.body()).get("error").asText()).isNotEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "studies?limit=0",
                "studies?limit=501",
                "studies?offset=-1",
                "studies?phase=GONE",
                "studies?look=x",
                "studies?order=",
                "studies?limit=1&limit=2",
                "studies/known/revisions/x/mask",
                "studies/known/revisions/99999999999/mask",
                "studies/known/scans/known%2FT1/slices/oblique/0",
                "studies/known/scans/known%2FT1/slices/axial/6",
                "studies/%ff"
            })
    void shouldNameWhatIsWrongWhenARequestIsMalformed(String path) throws Exception {
        study("known");
        volume("known", "T1");
        HttpResponse<byte[]> answer = admin.get(path);
        if (path.endsWith("order=")) {
            assertThat(answer.statusCode()).as("empty means not given").isEqualTo(200);
        } else {
            assertThat(answer.statusCode()).isEqualTo(400);
            assertThat(JSON.readTree(answer.body()).get("error").asText()).startsWith("BAD_");
        }
    }

    @Test
    void shouldTellOpenPagesWhenAStudyChanges() throws Exception {
        HttpResponse<InputStream> events = HttpClient.newHttpClient()
                .send(admin.request("events").build(), HttpResponse.BodyHandlers.ofInputStream());
        assertThat(events.headers().firstValue("Content-Type")).contains("text/event-stream");
        try (InputStream stream = events.body()) {
            readUntil(stream, "hello\n\n");
            study("changed one");
            assertThat(readUntil(stream, "]\n\n")).contains("event: changed", "changed one");
        }
    }

    private static String readUntil(InputStream stream, String end) throws Exception {
        StringBuilder text = new StringBuilder();
        while (text.indexOf(end) < 0) {
            int next = stream.read();
            assertThat(next).as(text.toString()).isNotEqualTo(-1);
            text.append((char) next);
        }
        return text.toString();
    }

    @Test
    void shouldLogNeitherStudiesNorPathsWhenAnythingIsAsked() throws Exception {
        String planted = "PLANTED-PATIENT-4711";
        try (RecordedLog log = new RecordedLog()) {
            study(planted);
            volume(planted, "T1");
            admin.catalogue.accept(Studies.scan(planted, "T2", "file:///nowhere/" + planted));
            admin.catalogue.accept(Studies.scan(planted, "FLAIR", "::" + planted));
            String study = "studies/" + planted;
            for (String path : List.of(
                    study,
                    study + "/scans/" + planted + "%2FT1/volume",
                    study + "/scans/" + planted + "%2FT2/volume",
                    study + "/scans/" + planted + "%2FFLAIR/slices/axial/0",
                    study + "/revisions/0/mask",
                    study + "/revisions/0/view",
                    "studies?text=" + planted,
                    "studies?phase=" + planted,
                    planted)) {
                admin.get(path);
            }
            admin.send(admin.post(study + "/revisions/0/feedback", "{\"verdict\":\"" + planted + "\"}"));
            admin.send(admin.post(study + "/revisions/0/feedback", planted));
            raw("GET /" + planted + "\u0001 HTTP/1.1\r\nHost: localhost\r\n\r\n");
            raw(planted + "\r\n\r\n");
            raw("GET /" + planted + "/" + "x".repeat(20_000) + " HTTP/1.1\r\nHost: localhost\r\n\r\n");

            assertThat(log.text()).doesNotContain(planted);
        }
    }
}
