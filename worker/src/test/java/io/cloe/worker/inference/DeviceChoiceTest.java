package io.cloe.worker.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtProvider;
import io.cloe.worker.bundle.BundleFixture;
import io.cloe.worker.inference.EngineException.Kind;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

class DeviceChoiceTest {

    @Test
    void shouldReadEveryDeviceWhenItIsWellFormed() throws Exception {
        assertThat(DeviceChoice.parse("auto")).isEqualTo(new DeviceChoice.Auto());
        assertThat(DeviceChoice.parse("cpu")).isEqualTo(new DeviceChoice.Cpu());
        assertThat(DeviceChoice.parse("cuda:3"))
                .isEqualTo(new DeviceChoice.Cuda(3))
                .hasToString("cuda:3");
        assertThat(DeviceChoice.parse("tensorrt:1"))
                .isEqualTo(new DeviceChoice.TensorRt(1))
                .hasToString("tensorrt:1");
    }

    @ParameterizedTest
    @NullSource
    @ValueSource(
            strings = {
                "",
                "gpu",
                "cuda",
                "cuda:",
                "cuda:-1",
                "cuda:1234",
                "tensorrt",
                "tensorrt:-1",
                "CPU",
                " cpu",
                "cuda:1 "
            })
    void shouldRefuseAndSayWhatIsAllowedWhenTheTextIsNoDevice(String text) {
        EngineException refusal = catchThrowableOfType(EngineException.class, () -> DeviceChoice.parse(text));

        assertThat(refusal.kind()).isEqualTo(Kind.UNKNOWN_DEVICE);
        assertThat(refusal).hasMessageContaining("auto, cpu, cuda:N and tensorrt:N");
    }

    @ParameterizedTest
    @ValueSource(strings = {"cuda:0", "tensorrt:0"})
    void shouldRefuseAndNameTheCauseWhenAGpuIsAskedForOnAMachineWithoutIt(String asked) throws Exception {
        assumeNoCuda();
        DeviceChoice device = DeviceChoice.parse(asked);

        EngineException refusal = catchThrowableOfType(
                EngineException.class,
                () -> InferenceEngine.open(
                        BundleFixture.openTiny(), EngineSettings.defaults().withDevice(device)));

        assertThat(refusal.kind()).isEqualTo(Kind.DEVICE_UNAVAILABLE);
        assertThat(refusal).hasMessageContaining(asked).hasMessageContaining("cannot be used: ");
        assertThat(refusal.getMessage()).doesNotContain("/");
    }

    @Test
    void shouldRunOnTheCpuAndSayWhyWhenAutoFindsNoCuda() throws Exception {
        assumeNoCuda();

        try (InferenceEngine engine =
                BundleVerifier.openVerified(BundleFixture.openTiny(), EngineSettings.defaults())) {
            assertThat(engine.device().asked()).isEqualTo(new DeviceChoice.Auto());
            assertThat(engine.device().running()).isEqualTo(new DeviceChoice.Cpu());
            assertThat(engine.device().reason()).startsWith("auto: cuda:0 cannot be used: ");
        }
    }

    @Test
    void shouldRunOnTheCpuWhenAskedFor() throws Exception {
        assertThat(ExecutionDevice.select(new DeviceChoice.Cpu()))
                .isEqualTo(new ExecutionDevice(new DeviceChoice.Cpu(), new DeviceChoice.Cpu(), "asked for"));
    }

    private static void assumeNoCuda() {
        OnnxRuntime.environment();
        Assumptions.assumeFalse(
                OrtEnvironment.getAvailableProviders().contains(OrtProvider.CUDA), "this build can use CUDA");
    }

    @Test
    void shouldReadSeveralGpusWhenTheyDiffer() throws Exception {
        assertThat(DeviceChoice.parseList("cuda:0, cuda:1"))
                .containsExactly(new DeviceChoice.Cuda(0), new DeviceChoice.Cuda(1));
        assertThat(DeviceChoice.parseList("cuda:0,tensorrt:1"))
                .containsExactly(new DeviceChoice.Cuda(0), new DeviceChoice.TensorRt(1));
        assertThat(DeviceChoice.parseList("cpu")).containsExactly(new DeviceChoice.Cpu());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"cuda:0,cuda:0", "cuda:0,tensorrt:0", "cpu,cpu", "cpu,cuda:0", "auto,cuda:1", "cuda:0,", ","})
    void shouldRefuseListsWhenTheyAreNotDifferentGpus(String text) {
        assertThatThrownBy(() -> DeviceChoice.parseList(text))
                .isInstanceOfSatisfying(EngineException.class, e -> assertThat(e.kind())
                        .isEqualTo(EngineException.Kind.UNKNOWN_DEVICE));
    }
}
