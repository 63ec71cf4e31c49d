package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.introspect.Annotated;
import com.fasterxml.jackson.databind.introspect.JacksonAnnotationIntrospector;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.marcnuri.helm.Helm;
import com.marcnuri.helm.LintResult;
import com.marcnuri.helm.TemplateCommand;
import io.cloe.it.tools.Repository;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import io.fabric8.openshift.api.model.monitoring.v1.ServiceMonitor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The Helm chart, rendered by Helm's engine and read by the Kubernetes model, strictly. */
class HelmChartIT {

    private static final Map<String, Class<?>> KUBERNETES = Map.of(
            "ConfigMap", ConfigMap.class,
            "Secret", Secret.class,
            "Service", Service.class,
            "ServiceAccount", ServiceAccount.class,
            "StatefulSet", StatefulSet.class,
            "NetworkPolicy", NetworkPolicy.class,
            "PodDisruptionBudget", PodDisruptionBudget.class,
            "ServiceMonitor", ServiceMonitor.class);

    private static final YAMLMapper YAML = new YAMLMapper();

    /** The model keeps fields that it does not know; here they are mistakes. */
    private static final ObjectMapper STRICT = new YAMLMapper()
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .setAnnotationIntrospector(new JacksonAnnotationIntrospector() {
                private static final long serialVersionUID = 1L;

                @Override
                public Boolean hasAnySetter(Annotated annotated) {
                    return false;
                }
            });

    @BeforeAll
    static void requireHelmsEngine() {
        assumeTrue(
                System.getProperty("os.arch").equals("amd64")
                        && System.getProperty("os.name").equals("Linux"),
                "skipped: helm-java's engine is on the class path for Linux on x86-64 only");
    }

    private static Helm chart() {
        return new Helm(Repository.root().resolve("deploy/helm/cloe"));
    }

    private static TemplateCommand template() {
        return chart().template()
                .withName("cloe")
                .withNamespace("imaging")
                .set("config.bootstrap\\.servers", "kafka:9092");
    }

    private static Map<String, JsonNode> manifests(TemplateCommand command) throws IOException {
        Map<String, JsonNode> manifests = new TreeMap<>();
        try (MappingIterator<JsonNode> documents =
                YAML.readerFor(JsonNode.class).readValues(command.call())) {
            while (documents.hasNext()) {
                JsonNode manifest = documents.next();
                if (manifest.isObject()) {
                    manifests.put(manifest.get("kind").asText(), manifest);
                }
            }
        }
        for (Map.Entry<String, JsonNode> manifest : manifests.entrySet()) {
            if (KUBERNETES.containsKey(manifest.getKey())) {
                STRICT.treeToValue(manifest.getValue(), KUBERNETES.get(manifest.getKey()));
            }
        }
        return manifests;
    }

    @Test
    void shouldPassHelmsLint() {
        LintResult result = chart().lint().call();

        assertThat(result.isFailed()).as("%s", result.getMessages()).isFalse();
    }

    @Test
    void shouldBeValidWhenLittleIsSaid() throws IOException {
        Map<String, JsonNode> manifests = manifests(template().set("admin.token", "0123456789abcdef"));

        assertThat(manifests)
                .containsOnlyKeys(
                        "ConfigMap",
                        "NetworkPolicy",
                        "PodDisruptionBudget",
                        "Secret",
                        "Service",
                        "ServiceAccount",
                        "StatefulSet");
        PodSpec pod = pod(manifests);
        assertThat(pod.getEnableServiceLinks()).isFalse();
        assertThat(pod.getSecurityContext().getRunAsNonRoot()).isTrue();
        assertThat(pod.getContainers().get(0).getSecurityContext().getReadOnlyRootFilesystem())
                .isTrue();
        assertThat(pod.getContainers().get(0).getLivenessProbe().getHttpGet().getPath())
                .isEqualTo("/health/live");
    }

    @Test
    void shouldBeValidWhenAllIsSaid() throws IOException {
        Map<String, JsonNode> manifests = manifests(template()
                .set("existingSecret", "secrets")
                .set("gpu.enabled", "true")
                .set("serviceMonitor.enabled", "true")
                .set("autoscaling.enabled", "true")
                .set("state.storageClass", "fast")
                .set("volumes.studies.persistentVolumeClaim.claimName", "studies")
                .set("volumes.masks.persistentVolumeClaim.claimName", "masks"));

        assertThat(manifests).containsKeys("ScaledObject", "ServiceMonitor").doesNotContainKey("Secret");
        assertThat(pod(manifests).getContainers().get(0).getResources().getLimits())
                .containsKeys("memory", "nvidia.com/gpu");
        // The autoscaler owns the number of workers.
        assertThat(manifests.get("StatefulSet").at("/spec/replicas").isMissingNode())
                .isTrue();
        assertThat(manifests
                        .get("ScaledObject")
                        .at("/spec/triggers/0/metadata/query")
                        .asText())
                .contains("cloe_backlog_jobs");
    }

    /** KEDA's definition comes as TypeScript types, whose compiler knows missing, unknown and mistyped fields. */
    @Test
    void shouldFitKedasDefinitionWhenItScales() throws Exception {
        Path checks = kedaTypes();
        JsonNode scaled = manifests(template().set("existingSecret", "secrets").set("autoscaling.enabled", "true"))
                .get("ScaledObject");

        assertThat(kedaComplaints(checks, scaled)).isEmpty();
        ((ObjectNode) scaled.at("/spec/advanced/horizontalPodAutoscalerConfig/behavior/scaleDown")).put("window", 600);
        assertThat(kedaComplaints(checks, scaled)).contains("\"window\"");
    }

    /** A folder with the types; aborts the test as skipped where they cannot be had. */
    private static Path kedaTypes() throws IOException, InterruptedException {
        Path folder = Files.createDirectories(Repository.root().resolve("it/target/npm"));
        Path sources = Repository.root().resolve("it/src/test/npm");
        for (String file : List.of("package.json", "package-lock.json")) {
            Files.copy(sources.resolve(file), folder.resolve(file), StandardCopyOption.REPLACE_EXISTING);
        }
        try {
            String said = said(folder, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error");
            assertThat(folder.resolve("node_modules")).as(said).isDirectory();
        } catch (IOException e) {
            abort("skipped: no npm here (Node.js 18 or newer)");
        }
        return folder;
    }

    private static String kedaComplaints(Path folder, JsonNode manifest) throws IOException, InterruptedException {
        Path source = folder.resolve("manifest.ts");
        Files.writeString(
                source,
                "import type { IScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject';\n"
                        + "export const manifest: IScaledObject = " + manifest + ";\n");
        return said(
                folder,
                "node",
                "node_modules/typescript/lib/tsc.js",
                "--noEmit",
                "--strict",
                "--skipLibCheck",
                "--module",
                "nodenext",
                source.toString());
    }

    private static String said(Path folder, String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        process.waitFor();
        return said;
    }

    @Test
    void shouldLeavePlacesToTheSettingsWhenTheyNameThem() throws IOException {
        Map<String, JsonNode> mounted = manifests(template().set("existingSecret", "secrets"));
        Map<String, JsonNode> buckets = manifests(template()
                .set("existingSecret", "secrets")
                .set("config.volume\\.roots", "s3://scans/in")
                .set("config.mask\\.directory", "s3://masks/out")
                .set(
                        "serviceAccount.annotations.eks\\.amazonaws\\.com/role-arn",
                        "arn:aws:iam::123456789012:role/cloe"));

        assertThat(variables(mounted)).contains("CLOE_MASK_DIRECTORY", "CLOE_VOLUME_ROOTS");
        assertThat(variables(buckets)).doesNotContain("CLOE_MASK_DIRECTORY", "CLOE_VOLUME_ROOTS");
        assertThat(buckets.get("ConfigMap").at("/data/cloe.properties").asText())
                .contains("volume.roots=s3://scans/in", "mask.directory=s3://masks/out");
        assertThat(buckets.get("ServiceAccount").at("/metadata/annotations")).hasSize(1);
    }

    private static List<String> variables(Map<String, JsonNode> manifests) throws IOException {
        return pod(manifests).getContainers().get(0).getEnv().stream()
                .map(EnvVar::getName)
                .toList();
    }

    @Test
    void shouldRefuseValuesThatNobodyReads() {
        assertThatThrownBy(() -> template()
                        .set("existingSecret", "s")
                        .set("replica", "2")
                        .call())
                .hasMessageContaining("additional properties 'replica' not allowed");
        assertThatThrownBy(() -> template().set("admin.token", "short").call()).hasMessageContaining("/admin/token");
        assertThatThrownBy(() -> template().call()).hasMessageContaining("set admin.token");
        assertThatThrownBy(() -> template()
                        .set("existingSecret", "s")
                        .set("autoscaling.minReplicas", "0")
                        .call())
                .hasMessageContaining("/autoscaling/minReplicas");
    }

    private static PodSpec pod(Map<String, JsonNode> manifests) throws IOException {
        return STRICT.treeToValue(manifests.get("StatefulSet"), StatefulSet.class)
                .getSpec()
                .getTemplate()
                .getSpec();
    }
}
