package io.cloe.worker.admin;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.schemas.StudyPhase;
import io.cloe.worker.results.RecordJson;
import io.cloe.worker.review.Band;
import io.cloe.worker.review.LookReason;
import io.cloe.worker.review.StudyCatalogue;
import io.cloe.worker.review.StudyDetail;
import io.cloe.worker.review.StudyDetail.Revision;
import io.cloe.worker.review.StudyQuery;
import io.cloe.worker.review.StudyQuery.Order;
import io.cloe.worker.review.StudyRow;
import java.util.Map;
import java.util.Optional;

/** Studies as JSON. */
final class StudyReplies {

    private static final int USUAL_LIMIT = 100;
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    private final StudyCatalogue catalogue;

    StudyReplies(StudyCatalogue catalogue) {
        this.catalogue = catalogue;
    }

    HttpReply list(HttpCall call) throws HttpProblem {
        StudyCatalogue.Page page = catalogue.list(query(call));
        ObjectNode answer = NODES.objectNode().put("total", page.total()).put("matching", page.matching());
        ArrayNode reasons = answer.putArray("reasons");
        for (LookReason reason : LookReason.values()) {
            reasons.addObject()
                    .put("name", reason.name())
                    .put("words", reason.words())
                    .put("studies", page.look().getOrDefault(reason, 0));
        }
        ArrayNode rows = answer.putArray("studies");
        page.rows().forEach(row -> rows.add(row(row)));
        return HttpReply.json(answer);
    }

    private static StudyQuery query(HttpCall call) throws HttpProblem {
        Optional<String> phase = call.parameter("phase");
        Optional<String> look = call.parameter("look");
        Optional<String> order = call.parameter("order");
        return new StudyQuery(
                phase.isEmpty()
                        ? Optional.empty()
                        : Optional.of(HttpCall.constant("phase", phase.get(), StudyPhase.class)),
                look.isEmpty()
                        ? Optional.empty()
                        : Optional.of(HttpCall.constant("look", look.get(), LookReason.class)),
                call.parameter("missing"),
                call.parameter("unseen").isPresent(),
                call.parameter("text").orElse(""),
                order.isEmpty() ? Order.LOOK : HttpCall.constant("order", order.get(), Order.class),
                call.number("offset", 0, Integer.MAX_VALUE, 0),
                call.number("limit", 1, StudyQuery.MOST, USUAL_LIMIT));
    }

    private static ObjectNode row(StudyRow row) {
        ObjectNode node = NODES.objectNode()
                .put("studyId", row.studyId())
                .put("family", row.family())
                .put("phase", row.phase().name())
                .put("reason", row.reason())
                .put("revision", row.revision().orElse(null))
                .put("trigger", row.trigger().orElse(null))
                .put("lowestConsistency", row.lowestConsistency().orElse(null))
                .put("verdict", row.verdict().map(Enum::name).orElse(null))
                .put("urgency", row.urgency())
                .put("deadline", row.deadline().map(Object::toString).orElse(null))
                .put("updatedAt", row.updatedAt().toString());
        row.used().forEach(node.putArray("used")::add);
        row.missing().forEach(node.putArray("missing")::add);
        ArrayNode look = node.putArray("look");
        row.look().forEach(reason -> look.add(reason.name()));
        ObjectNode volumes = node.putObject("volumesMl");
        row.volumesMl().forEach(volumes::put);
        return node;
    }

    HttpReply detail(String studyId) throws HttpProblem {
        StudyDetail study = catalogue.find(studyId).orElseThrow(HttpProblem::unknownStudy);
        ObjectNode answer = row(study.row());
        answer.set("status", study.status().map(RecordJson::of).orElse(null));
        ArrayNode revisions = answer.putArray("revisions");
        study.revisions().forEach(revision -> revisions.add(revision(revision, study)));
        ArrayNode failures = answer.putArray("failures");
        study.failures().forEach(failure -> failures.add(RecordJson.of(failure)));
        answer.set(
                "consistencyBands", bands(catalogue.consistencyBands(study.row().family())));
        return HttpReply.json(answer);
    }

    private static ObjectNode revision(Revision revision, StudyDetail study) {
        ObjectNode node = RecordJson.of(revision.segmentation());
        // A location may be a secret, such as a presigned address; the page asks the worker for what lies there.
        ((ObjectNode) node.get("mask")).remove("uri");
        ((ObjectNode) node.get("mask")).remove("inline");
        node.get("used").forEach(scan -> ((ObjectNode) scan)
                .put("viewable", study.volumes().containsKey(scan.get("eventId").asText())));
        node.set(
                "labels",
                LabelColours.of(revision.segmentation().getMask().getLabelScheme())
                        .json());
        node.set("weights", revision.weights().map(RecordJson::of).orElse(null));
        node.set("feedback", revision.feedback().map(RecordJson::of).orElse(null));
        return node;
    }

    private static ObjectNode bands(Map<String, Map<String, Band>> bands) {
        ObjectNode node = NODES.objectNode();
        bands.forEach((modality, kinds) -> {
            ObjectNode ofModality = node.putObject(modality);
            kinds.forEach((kind, band) -> ofModality
                    .putObject(kind)
                    .put("studies", band.studies())
                    .put("low", band.low())
                    .put("median", band.median())
                    .put("high", band.high()));
        });
        return node;
    }
}
