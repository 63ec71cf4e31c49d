package io.cloe.worker.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import ai.djl.engine.Engine;
import ai.djl.util.Ec2Utils;
import ai.onnxruntime.OrtEnvironment;
import java.lang.reflect.Field;
import org.junit.jupiter.api.Test;

class OnnxRuntimeTest {

    @Test
    void shouldLeaveRoomForDjlWhenOurEnvironmentComesFirst() {
        assertThat(OnnxRuntime.environment()).isSameAs(OrtEnvironment.getEnvironment());
        assertThatCode(() -> Engine.getEngine("OnnxRuntime")).doesNotThrowAnyException();
    }

    @Test
    void shouldTellNobodyWhenDjlStarts() throws Exception {
        OnnxRuntime.environment();

        Field lastReport = Ec2Utils.class.getDeclaredField("lastCheckIn");
        lastReport.setAccessible(true);

        assertThat(lastReport.getLong(null))
                .as("DJL never tried to report its start")
                .isZero();
    }
}
