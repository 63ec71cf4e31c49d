package io.cloe.worker.admin;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.nio.charset.StandardCharsets;

/**
 * An answer without its transport.
 *
 * @param status HTTP status
 * @param contentType type of the body
 * @param body the body
 * @param cacheable whether a browser may keep it and ask whether it is still good; never for what belongs to a study
 */
record HttpReply(int status, String contentType, byte[] body, boolean cacheable) {

    private static final String JSON = "application/json";

    static HttpReply json(JsonNode body) {
        return json(200, body);
    }

    static HttpReply json(int status, JsonNode body) {
        return new HttpReply(status, JSON, body.toString().getBytes(StandardCharsets.UTF_8), false);
    }

    static HttpReply bytes(String contentType, byte[] body) {
        return new HttpReply(200, contentType, body, false);
    }

    static HttpReply of(HttpProblem problem) {
        return json(
                problem.status(),
                JsonNodeFactory.instance
                        .objectNode()
                        .put("error", problem.code().name())
                        .put("message", problem.getMessage()));
    }
}
