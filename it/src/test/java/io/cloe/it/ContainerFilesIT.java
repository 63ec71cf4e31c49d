package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.cloe.it.tools.Repository;
import io.cloe.worker.config.ConfigSources;
import io.cloe.worker.config.WorkerConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** What the Dockerfile and the compose file say to each other and to the worker; neither is run here. */
class ContainerFilesIT {

    private static final Path CONTAINER = Repository.root().resolve("deploy/container");
    private static final Pattern ARGUMENT = Pattern.compile("(?m)^ARG (\\w+)=(\\S*)");
    private static final Pattern SETTING = Pattern.compile("\\b(CLOE_[A-Z_]+)=(\\S+)");

    private static JsonNode services() throws IOException {
        return new YAMLMapper()
                .readTree(CONTAINER.resolve("compose.yaml").toFile())
                .get("services");
    }

    private static String dockerfile() throws IOException {
        return Files.readString(CONTAINER.resolve("Dockerfile"));
    }

    private static void assertKnown(Map<String, String> environment) throws Exception {
        Set<String> keys = new TreeSet<>(
                ConfigSources.merge(Optional.empty(), environment, Map.of()).keySet());
        keys.removeIf(key -> key.startsWith("kafka."));
        assertThat(WorkerConfig.keys()).containsAll(keys);
    }

    @Test
    void shouldNameOnlySettingsThatTheWorkerKnows() throws Exception {
        Map<String, String> compose = new HashMap<>();
        services()
                .get("worker")
                .get("environment")
                .properties()
                .forEach(variable ->
                        compose.put(variable.getKey(), variable.getValue().asText()));
        Map<String, String> image = SETTING.matcher(dockerfile())
                .results()
                .collect(Collectors.toMap(setting -> setting.group(1), setting -> setting.group(2)));

        assertThat(compose).containsKeys("CLOE_BOOTSTRAP_SERVERS", "CLOE_REGISTRY_URL");
        assertKnown(compose);
        assertThat(image).containsKey("CLOE_MODEL_BUNDLES");
        assertKnown(image);
    }

    @Test
    void shouldPassOnlyBuildArgumentsThatTheDockerfileTakes() throws Exception {
        Map<String, String> taken = ARGUMENT.matcher(dockerfile())
                .results()
                .collect(Collectors.toMap((MatchResult one) -> one.group(1), one -> one.group(2)));

        assertThat(taken).containsKeys("BASE_IMAGE", "BUILD_IMAGE", "VARIANT");
        services().get("worker").get("build").get("args").properties().forEach(argument -> assertThat(
                        argument.getValue().asText())
                .as(argument.getKey())
                .matches("\\$\\{CLOE_\\w+:-" + Pattern.quote(taken.get(argument.getKey())) + "}"));
    }

    @Test
    void shouldStartTheRegistryOnlyWhenItIsAskedForAndWaitForServicesThatAreThere() throws Exception {
        JsonNode services = services();

        assertThat(services.get("registry").get("profiles"))
                .extracting(JsonNode::asText)
                .containsExactly("registry");
        services.properties().forEach(service -> {
            JsonNode before = service.getValue().path("depends_on");
            (before.isArray() ? before.elements() : before.fieldNames()).forEachRemaining(name -> assertThat(
                            services.has(name instanceof JsonNode node ? node.asText() : name.toString()))
                    .as(service.getKey() + " waits for " + name)
                    .isTrue());
        });
    }
}
