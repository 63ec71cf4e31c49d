package io.cloe.schemas.registry;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.schemas.registry.RegistryException.Kind;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.SchemaParseException;

/**
 * The few calls of the Confluent REST dialect that a serde needs. Keeps nothing; {@link RegistryFormat} does. For any number of threads.
 *
 * <p>Written here because no maintained client on Maven Central speaks the dialect: Confluent's own is in Confluent's repository only, and
 * Apicurio's speaks Apicurio's own interface.
 */
final class RegistryClient {

    private static final String JSON = "application/vnd.schemaregistry.v1+json, application/json";
    private static final int LONGEST_ANSWER = 4 << 20;
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final RegistrySettings settings;
    private final HttpClient http;

    RegistryClient(RegistrySettings settings) {
        this.settings = settings;
        HttpClient.Builder builder = HttpClient.newBuilder()
                .connectTimeout(settings.timeout())
                // A redirect could lead the credentials elsewhere.
                .followRedirects(HttpClient.Redirect.NEVER);
        settings.tls().ifPresent(builder::sslContext);
        this.http = builder.build();
    }

    /** Adds a schema to a subject, or finds it there. Returns its id. */
    int register(String subject, Schema schema) throws InterruptedException {
        return id(post("/subjects/" + escaped(subject) + "/versions", schema));
    }

    /** The id of a schema that the subject has. Differences that do not matter to the bytes are overlooked. */
    int find(String subject, Schema schema) throws InterruptedException {
        try {
            return id(post("/subjects/" + escaped(subject), schema));
        } catch (RegistryException e) {
            if (e.kind() != Kind.NOT_FOUND) {
                throw e;
            }
        }
        // Registered by somebody whose tool leaves documentation and properties out, perhaps.
        JsonNode latest = get("/subjects/" + escaped(subject) + "/versions/latest");
        if (SchemaNormalization.parsingFingerprint64(parse(latest))
                != SchemaNormalization.parsingFingerprint64(schema)) {
            throw new RegistryException(
                    Kind.NOT_FOUND, "subject " + subject + " does not have the schema of " + schema.getFullName());
        }
        return id(latest);
    }

    /**
     * Whether the subject's rules would let the schema in.
     *
     * @return what is in the way; empty if nothing is, or if there is no such subject yet
     */
    Optional<String> incompatibility(String subject, Schema schema) throws InterruptedException {
        try {
            JsonNode answer =
                    post("/compatibility/subjects/" + escaped(subject) + "/versions/latest?verbose=true", schema);
            if (answer.path("is_compatible").asBoolean(false)) {
                return Optional.empty();
            }
            JsonNode messages = answer.path("messages");
            return Optional.of(messages.isEmpty() ? "no reason given" : shortened(messages.toString()));
        } catch (RegistryException e) {
            if (e.kind() == Kind.NOT_FOUND) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /** The schema with an id. */
    Schema schema(int id) throws InterruptedException {
        return parse(get("/schemas/ids/" + id));
    }

    private static Schema parse(JsonNode answer) {
        String type = answer.path("schemaType").asText("AVRO");
        if (!type.equals("AVRO")) {
            throw new RegistryException(Kind.NOT_FOUND, "a schema that is not Avro's");
        }
        try {
            return new Schema.Parser().parse(answer.path("schema").asText());
        } catch (SchemaParseException e) {
            throw new RegistryException(Kind.UNEXPECTED, "a schema that Avro cannot read");
        }
    }

    private static int id(JsonNode answer) {
        if (!answer.path("id").canConvertToInt()) {
            throw new RegistryException(Kind.UNEXPECTED, "an answer without an id");
        }
        return answer.path("id").asInt();
    }

    private JsonNode post(String path, Schema schema) throws InterruptedException {
        ObjectNode body = MAPPER.createObjectNode().put("schema", schema.toString());
        return ask(path, HttpRequest.BodyPublishers.ofString(body.toString()));
    }

    private JsonNode get(String path) throws InterruptedException {
        return ask(path, null);
    }

    /** Asks one address after the other until one answers. */
    private JsonNode ask(String path, HttpRequest.BodyPublisher body) throws InterruptedException {
        RegistryException last = null;
        for (URI url : settings.urls()) {
            try {
                return ask(url, path, body);
            } catch (RegistryException e) {
                if (e.kind() != Kind.UNREACHABLE) {
                    throw e;
                }
                last = e;
            }
        }
        throw last;
    }

    private JsonNode ask(URI url, String path, HttpRequest.BodyPublisher body) throws InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(
                        URI.create(url.toString().replaceAll("/+$", "") + path))
                .timeout(settings.timeout())
                .header("Accept", JSON);
        settings.authorization().ifPresent(value -> request.header("Authorization", value));
        if (body != null) {
            request.header("Content-Type", "application/vnd.schemaregistry.v1+json")
                    .POST(body);
        }
        try {
            HttpResponse<InputStream> response = http.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
            byte[] answer;
            try (InputStream in = response.body()) {
                answer = in.readNBytes(LONGEST_ANSWER);
            }
            if (response.statusCode() / 100 == 2) {
                return MAPPER.readTree(answer);
            }
            throw refused(response.statusCode(), answer);
        } catch (JsonProcessingException e) {
            throw new RegistryException(Kind.UNEXPECTED, "an answer that is not JSON");
        } catch (IOException e) {
            throw new RegistryException(
                    Kind.UNREACHABLE, "the schema registry: " + e.getClass().getSimpleName());
        }
    }

    private static RegistryException refused(int status, byte[] answer) {
        String message = "status " + status + reason(answer);
        return switch (status) {
            case 401, 403 -> new RegistryException(Kind.UNAUTHORISED, message);
            case 404 -> new RegistryException(Kind.NOT_FOUND, message);
            case 409, 422 -> new RegistryException(Kind.INCOMPATIBLE, message);
            case 408, 429 -> new RegistryException(Kind.UNREACHABLE, message);
            default -> new RegistryException(status >= 500 ? Kind.UNREACHABLE : Kind.UNEXPECTED, message);
        };
    }

    private static String reason(byte[] answer) {
        try {
            String text = MAPPER.readTree(answer).path("message").asText();
            return text.isEmpty() ? "" : ", " + shortened(text);
        } catch (IOException e) {
            return ""; // an error page of something in between
        }
    }

    private static String shortened(String text) {
        String line = text.replaceAll("\\s+", " ");
        return line.length() <= 300 ? line : line.substring(0, 300) + "...";
    }

    private static String escaped(String subject) {
        return URLEncoder.encode(subject, StandardCharsets.UTF_8).replace("+", "%20");
    }
}
