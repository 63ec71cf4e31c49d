package io.cloe.worker.inference;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.worker.bundle.BundleFixture;
import io.cloe.worker.bundle.GraphUse;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.bundle.SubsetGraph;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SubsetSessionsTest {

    private static final ModelBundle BUNDLE = BundleFixture.openTinyExtra();
    private static final SubsetGraph FIRST = BUNDLE.graphs().get(0);
    private static final SubsetGraph SECOND = BUNDLE.graphs().get(1);
    private static final SubsetGraph THIRD = BUNDLE.graphs().get(2);
    private static final SubsetGraph WHOLE =
            BUNDLE.extraGraphs(GraphUse.WHOLE_CROP, FIRST.modalities()).get(0);

    private SubsetSessions sessions;

    @AfterEach
    void close() throws EngineException {
        sessions.closeAll();
        assertThat(sessions.open()).isZero();
    }

    @Test
    void shouldCloseTheLeastRecentlyUsedWhenMoreAreAskedForThanAllowed() throws Exception {
        sessions = sessions(2);
        SubsetSession first = sessions.session(FIRST);
        SubsetSession second = sessions.session(SECOND);
        assertThat(sessions.session(FIRST)).isSameAs(first);

        sessions.session(THIRD);

        assertThat(sessions.open()).isEqualTo(2);
        assertThat(sessions.session(FIRST)).isSameAs(first);
        assertThat(sessions.session(SECOND)).isNotSameAs(second);
    }

    @Test
    void shouldShareMemoryAmongGraphsOfOneShapeAlone() throws Exception {
        sessions = sessions(2);

        assertThat(sessions.buffers(FIRST)).isSameAs(sessions.buffers(SECOND)).isNotSameAs(sessions.buffers(WHOLE));
        assertThat(sessions.buffers(WHOLE)).isSameAs(sessions.buffers(WHOLE));
    }

    @Test
    void shouldGiveBackTheMemoryOfOtherShapesWhenTheirSessionsWereIdle() throws Exception {
        sessions = sessions(2);
        WindowBuffers usual = sessions.buffers(FIRST);
        WindowBuffers whole = sessions.buffers(WHOLE);
        sessions.session(WHOLE);

        sessions.closeIdleFor(Duration.ofHours(1));
        assertThat(sessions.buffers(WHOLE)).isSameAs(whole);
        sessions.closeIdleFor(Duration.ZERO);

        assertThat(sessions.open()).isZero();
        assertThat(sessions.buffers(FIRST)).isSameAs(usual);
        assertThat(sessions.buffers(WHOLE)).isNotSameAs(whole);
    }

    @Test
    void shouldKeepTheMemoryOfARunningInferenceWhenAllSessionsAreClosed() throws Exception {
        sessions = sessions(2);
        sessions.session(WHOLE);
        WindowBuffers whole = sessions.buffers(WHOLE);

        sessions.closeAll();

        assertThat(sessions.open()).isZero();
        assertThat(sessions.buffers(WHOLE)).isSameAs(whole);
    }

    private static SubsetSessions sessions(int allowed) throws EngineException {
        EngineSettings settings = EngineSettings.defaults()
                .withDevice(new DeviceChoice.Cpu())
                .withThreads(1)
                .withOpenSessions(allowed);
        return new SubsetSessions(BUNDLE, ExecutionDevice.select(settings.device()), settings);
    }
}
