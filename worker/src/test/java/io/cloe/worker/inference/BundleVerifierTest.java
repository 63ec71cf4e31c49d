package io.cloe.worker.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloe.worker.bundle.BundleException;
import io.cloe.worker.bundle.BundleException.Kind;
import io.cloe.worker.bundle.BundleFixture;
import io.cloe.worker.bundle.BundleReader;
import io.cloe.worker.bundle.ModelBundle;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BundleVerifierTest {

    private static final EngineSettings CPU = EngineSettings.defaults().withDevice(new DeviceChoice.Cpu());

    @TempDir
    Path folder;

    @Test
    void shouldPassWhenTheNetworkComputesWhatTheExporterSaw() throws Exception {
        ModelBundle bundle = BundleFixture.openTiny();
        try (InferenceEngine engine = BundleVerifier.openVerified(bundle, CPU)) {
            assertThat(BundleVerifier.verifyEveryGraph(bundle, engine).largestDifference())
                    .isLessThan(1e-5);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"weights", "consistencyGlobal", "consistencyRegional"})
    void shouldRefuseAndNameTheNumberWhenTheManifestExpectsAnother(String key) {
        BundleFixture.copy(BundleFixture.tiny(), folder);
        BundleFixture.editManifest(folder, manifest -> {
            ArrayNode numbers = (ArrayNode) manifest.get("golden").get(key);
            numbers.set(1, numbers.get(1).doubleValue() - 0.002);
        });

        assertRefused("golden." + key + "[1]");
    }

    @Test
    void shouldRefuseWhenAProbabilityDiffers() {
        BundleFixture.copy(BundleFixture.tiny(), folder);
        BundleFixture.editManifest(folder, manifest -> ((ObjectNode)
                        manifest.get("golden").get("samples").get(11))
                .putArray("probabilities")
                .add(0.2)
                .add(0.3)
                .add(0.5));

        assertRefused("golden.samples[11].probabilities[0]");
    }

    @Test
    void shouldRefuseWhenTheWeightsAreOthersThanTheExporterSaw() throws Exception {
        BundleFixture.copy(BundleFixture.tiny(), folder);
        byte[] weights = Files.readAllBytes(folder.resolve("graphs/weights.bin"));
        // The exponent of one weight of an encoder.
        weights[27 * 4 + 3] ^= 0x02;
        BundleFixture.replaceListed(folder, "graphs/weights.bin", weights);

        assertRefused("golden.");
    }

    @Test
    void shouldRefuseWhenTheEngineRunsAnotherBundle() throws Exception {
        BundleFixture.copy(BundleFixture.tiny(), folder);
        BundleFixture.editManifest(folder, manifest -> manifest.put("version", "2.0.0"));
        try (InferenceEngine engine = InferenceEngine.open(BundleReader.open(folder), CPU)) {
            assertThat(catchThrowableOfType(
                            IllegalArgumentException.class,
                            () -> BundleVerifier.verify(BundleFixture.openTiny(), engine)))
                    .isNotNull();
        }
    }

    private void assertRefused(String key) {
        BundleException refusal = catchThrowableOfType(
                BundleException.class, () -> BundleVerifier.openVerified(BundleReader.open(folder), CPU));

        assertThat(refusal.kind()).isEqualTo(Kind.GOLDEN_MISMATCH);
        assertThat(refusal).hasMessageStartingWith(key);
    }
}
