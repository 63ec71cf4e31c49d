package io.cloe.worker.execution;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.FailureReason;
import io.cloe.schemas.InferenceFault;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceOutcome;
import io.cloe.schemas.VolumeReference;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Studies that take more memory than there is for them. */
class StudyTooLargeTest {

    /** Less than three volumes of 26 x 18 x 10 voxels and their crops, more than one and the crops. */
    private static final long FOR_ONE_AT_A_TIME = 100_000;

    @TempDir
    Path folder;

    private static InferenceJob threeModalities(ExecutorScenario scenario) {
        Map<String, VolumeReference> volumes = new TreeMap<>();
        List.of("T1", "T2", "FLAIR").forEach(modality -> volumes.put(modality, scenario.volume("study", modality)));
        return Jobs.of("study", volumes).build();
    }

    @Test
    void shouldGiveTheSameResultWhenVolumesAreReadOneByOne() throws Exception {
        InferenceOutcome whole;
        InferenceOutcome oneByOne;
        List<String> loaded = new CopyOnWriteArrayList<>();
        try (ExecutorScenario scenario =
                ExecutorScenario.in(folder.resolve("whole")).start()) {
            whole = scenario.outcomeOf(threeModalities(scenario));
        }
        try (ExecutorScenario scenario = ExecutorScenario.in(folder.resolve("small"))
                .volumes(real -> new GatedVolumes.Listening(real, loaded::add))
                .settings(settings -> settings.withMemoryBytes(FOR_ONE_AT_A_TIME))
                .start()) {
            oneByOne = scenario.outcomeOf(threeModalities(scenario));
        }

        assertThat(loaded).hasSize(6);
        assertThat(oneByOne.getMask().getSha256()).isEqualTo(whole.getMask().getSha256());
        assertThat(oneByOne.getInputDigest()).isEqualTo(whole.getInputDigest());
        assertThat(oneByOne.getGating()).isEqualTo(whole.getGating());
        assertThat(oneByOne.getFlags()).isEqualTo(whole.getFlags());
    }

    @Test
    void shouldRefuseTheStudyAndGoOnWhenItFitsInNoWay() throws Exception {
        try (ExecutorScenario scenario = ExecutorScenario.in(folder)
                .settings(settings -> settings.withMemoryBytes(60_000))
                .start()) {
            assertThat(scenario.faultsOf(threeModalities(scenario)))
                    .containsExactly(new InferenceFault(null, FailureReason.STUDY_TOO_LARGE, false));
            scenario.outcomeOf(scenario.goodJob("small").build());
            assertThat(scenario.executor.snapshot().memoryReservedBytes()).isZero();
        }
    }

    @Test
    void shouldNameTheVolumeWhenOneOfThoseReadOneByOneIsMissing() throws Exception {
        try (ExecutorScenario scenario = ExecutorScenario.in(folder)
                .settings(settings -> settings.withMemoryBytes(1_000))
                .start()) {
            Map<String, VolumeReference> volumes = Map.of(
                    "T1",
                    scenario.volume("study", "T1"),
                    "T2",
                    Phantom.unverified(scenario.input.resolve("nothing-here.nii.gz")));
            assertThat(scenario.faultsOf(Jobs.of("study", volumes).build()))
                    .containsExactly(new InferenceFault("T2", FailureReason.VOLUME_NOT_FOUND, true));
        }
    }
}
