package io.cloe.worker.admin;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.cloe.worker.admin.HttpProblem.Code;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;

/** What is where. Knows nothing of the server; for any number of threads. */
final class AdminRoutes {

    private static final String METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";
    private static final String OPEN_METRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    private final Health health;
    private final PrometheusMeterRegistry metrics;
    private final StudyReplies studies;
    private final StudyImages images;
    private final FeedbackReplies feedback;
    private final PageFiles page;

    AdminRoutes(
            Health health,
            PrometheusMeterRegistry metrics,
            StudyReplies studies,
            StudyImages images,
            FeedbackReplies feedback,
            PageFiles page) {
        this.health = health;
        this.metrics = metrics;
        this.studies = studies;
        this.images = images;
        this.feedback = feedback;
        this.page = page;
    }

    /** Whether anybody may ask this, token or not: probes, and the page's own files, which hold no data. */
    static boolean isOpen(HttpCall call) {
        return Set.of("health", "page", "").contains(call.path().get(0));
    }

    HttpReply answer(HttpCall call) throws HttpProblem {
        List<String> path = call.path();
        boolean post = call.method().equals("POST");
        boolean get = call.method().equals("GET") || call.method().equals("HEAD");
        if (!post && !get) {
            throw notAllowed("GET, HEAD, POST");
        }
        boolean isFeedback =
                path.size() == 5 && path.get(0).equals("studies") && path.get(4).equals("feedback");
        if (post != isFeedback) {
            throw notAllowed(isFeedback ? "POST" : "GET, HEAD");
        }
        if (isFeedback) {
            return feedback.accept(path.get(1), revision(path), call);
        }
        return switch (path.get(0)) {
            case "", "page" -> page.answer(path);
            case "health" -> health(path);
            case "metrics" -> metrics(path, call.accept());
            case "studies" -> study(path, call);
            default -> throw HttpProblem.notFound();
        };
    }

    private HttpReply health(List<String> path) throws HttpProblem {
        if (path.size() != 2) {
            throw HttpProblem.notFound();
        }
        boolean up =
                switch (path.get(1)) {
                    case "live" -> health.live().getAsBoolean();
                    case "ready" -> health.ready().getAsBoolean();
                    default -> throw HttpProblem.notFound();
                };
        return HttpReply.json(
                up ? 200 : 503, JsonNodeFactory.instance.objectNode().put("status", up ? "UP" : "DOWN"));
    }

    private HttpReply metrics(List<String> path, String accept) throws HttpProblem {
        if (path.size() != 1) {
            throw HttpProblem.notFound();
        }
        String type = accept.contains("application/openmetrics-text") ? OPEN_METRICS_TYPE : METRICS_TYPE;
        return HttpReply.bytes(type, metrics.scrape(type).getBytes(StandardCharsets.UTF_8));
    }

    /** {@code /studies[/ID[/scans/EVENT|/revisions/N][/view|/volume|/mask|/slices/PLANE/N]]}. */
    private HttpReply study(List<String> path, HttpCall call) throws HttpProblem {
        if (path.size() == 1) {
            return studies.list(call);
        }
        if (path.size() == 2) {
            return studies.detail(path.get(1));
        }
        if (path.size() == 5 || path.size() == 7) {
            String what = path.get(2) + "/" + path.get(4);
            boolean slice = path.size() == 7;
            if (what.equals("scans/slices") && slice) {
                return images.scanSlice(path.get(1), path.get(3), path.get(5), path.get(6));
            }
            if (what.equals("revisions/slices") && slice) {
                return images.maskSlice(path.get(1), revision(path), path.get(5), path.get(6));
            }
            if (!slice) {
                switch (what) {
                    case "scans/view":
                        return images.scanView(path.get(1), path.get(3));
                    case "scans/volume":
                        return images.scanVolume(path.get(1), path.get(3));
                    case "revisions/view":
                        return images.maskView(path.get(1), revision(path));
                    case "revisions/mask":
                        return images.mask(path.get(1), revision(path));
                    default:
                        break;
                }
            }
        }
        throw HttpProblem.notFound();
    }

    private static int revision(List<String> path) throws HttpProblem {
        return HttpCall.number("revision", path.get(3), 0, 999_999_999);
    }

    private static HttpProblem notAllowed(String allowed) {
        return new HttpProblem(405, Code.METHOD_NOT_ALLOWED, "allowed: " + allowed);
    }
}
