package io.cloe.worker.admin;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cloe.schemas.QaFeedback;
import io.cloe.schemas.QaVerdict;
import io.cloe.worker.admin.HttpProblem.Code;
import io.cloe.worker.results.RecordJson;
import io.cloe.worker.review.StudyCatalogue;
import java.io.IOException;
import java.time.Clock;
import java.time.temporal.ChronoUnit;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Takes people's verdicts and hands them on. */
final class FeedbackReplies {

    private static final Logger LOG = LoggerFactory.getLogger(FeedbackReplies.class);

    private static final int LONGEST_REASON = 1_000;
    private static final int LONGEST_REVIEWER = 100;
    private static final ObjectMapper JSON = new ObjectMapper(JsonFactory.builder()
                    .streamReadConstraints(
                            StreamReadConstraints.builder().maxNestingDepth(8).build())
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

    private final StudyCatalogue catalogue;
    private final FeedbackSink sink;
    private final Clock clock;

    FeedbackReplies(StudyCatalogue catalogue, FeedbackSink sink, Clock clock) {
        this.catalogue = catalogue;
        this.sink = sink;
        this.clock = clock;
    }

    HttpReply accept(String studyId, int revision, HttpCall call) throws HttpProblem {
        boolean known = catalogue
                .find(studyId)
                .orElseThrow(HttpProblem::unknownStudy)
                .revision(revision)
                .isPresent();
        if (!known) {
            throw new HttpProblem(404, Code.UNKNOWN_REVISION, "this study has no such revision");
        }
        JsonNode body = parse(call.content());
        QaVerdict verdict = HttpCall.constant("verdict", text(body, "verdict", 20), QaVerdict.class);
        if (verdict == QaVerdict.UNKNOWN) {
            throw HttpProblem.badParameter("verdict", "ACCEPT, CORRECT or REJECT");
        }
        String reason = text(body, "reason", LONGEST_REASON);
        if (reason.isEmpty() && verdict != QaVerdict.ACCEPT) {
            throw HttpProblem.badParameter("reason", "why, in 1 to " + LONGEST_REASON + " characters");
        }
        String reviewer = text(body, "reviewer", LONGEST_REVIEWER);
        QaFeedback feedback = QaFeedback.newBuilder()
                .setFeedbackId(UUID.randomUUID().toString())
                .setStudyId(studyId)
                .setRevision(revision)
                .setVerdict(verdict)
                .setReason(reason.isEmpty() ? null : reason)
                .setReviewer(reviewer.isEmpty() ? null : reviewer)
                .setGivenAt(clock.instant().truncatedTo(ChronoUnit.MILLIS))
                .build();
        send(feedback);
        return HttpReply.json(201, RecordJson.of(feedback));
    }

    private void send(QaFeedback feedback) throws HttpProblem {
        try {
            sink.send(feedback);
        } catch (IOException e) {
            LOG.warn("a verdict was not taken by Kafka");
            throw new HttpProblem(503, Code.KAFKA_UNAVAILABLE, "Kafka does not take the verdict; try again");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new HttpProblem(503, Code.KAFKA_UNAVAILABLE, "the worker stops");
        }
        // So that whoever gave it sees it at once; it comes again by the topic, to every worker.
        catalogue.accept(feedback);
    }

    private static JsonNode parse(byte[] content) throws HttpProblem {
        try {
            JsonNode body = JSON.readTree(content);
            if (body != null && body.isObject()) {
                return body;
            }
        } catch (JacksonException e) {
            LOG.debug("a body was no JSON");
        } catch (IOException e) {
            throw HttpProblem.badRequest("the body could not be read");
        }
        throw HttpProblem.badRequest("the body must be a JSON object");
    }

    private static String text(JsonNode body, String name, int longest) throws HttpProblem {
        JsonNode value = body.get(name);
        if (value == null || value.isNull()) {
            return "";
        }
        String text = value.asText().strip();
        boolean clean = text.chars().noneMatch(c -> Character.isISOControl(c) && c != '\n');
        if (!value.isTextual() || text.length() > longest || !clean) {
            throw HttpProblem.badParameter(name, "text of at most " + longest + " characters");
        }
        return text;
    }
}
