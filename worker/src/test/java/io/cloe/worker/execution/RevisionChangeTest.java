package io.cloe.worker.execution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceOutcome;
import io.cloe.schemas.MaskReference;
import io.cloe.schemas.ModalityGating;
import io.cloe.schemas.PreviousResult;
import io.cloe.schemas.RevisionChange;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a second revision says of how it differs from the first. */
class RevisionChangeTest {

    @TempDir
    Path folder;

    private ExecutorScenario scenario;
    private InferenceOutcome first;

    @BeforeEach
    void segmentTheFirst() throws Exception {
        scenario = ExecutorScenario.in(folder).cacheEntries(8).start();
        first = scenario.outcomeOf(scenario.goodJob("study").build());
    }

    @AfterEach
    void close() throws Exception {
        scenario.close();
    }

    private InferenceOutcome second(MaskReference previous) throws InterruptedException {
        Map<String, Double> weights = first.getGating().stream()
                .collect(Collectors.toMap(ModalityGating::getModality, ModalityGating::getWeight));
        InferenceJob job = Jobs.of(
                        "study", Map.of("T1", scenario.volume("study", "T1"), "T2", scenario.volume("study", "T2")))
                .setRevision(1)
                .setPrevious(new PreviousResult(0, previous, weights))
                .build();
        return scenario.outcomeOf(job);
    }

    private MaskReference.Builder firstMask() {
        return MaskReference.newBuilder(first.getMask());
    }

    @Test
    void shouldCompareVoxelByVoxelWhenTheFormerMaskIsThere() throws Exception {
        InferenceOutcome second = second(first.getMask());

        byte[] before = labels(first);
        byte[] after = labels(second);
        long changed = 0;
        long[] both = new long[5];
        for (int voxel = 0; voxel < before.length; voxel++) {
            changed += before[voxel] == after[voxel] ? 0 : 1;
            both[1] += before[voxel] == 1 && after[voxel] == 1 ? 1 : 0;
            both[4] += before[voxel] != 0 && after[voxel] != 0 ? 1 : 0;
        }
        double core = 2.0 * both[1] / (MaskBytes.count(before, 1) + MaskBytes.count(after, 1));
        double whole = 2.0 * both[4] / (MaskBytes.count(before, 1, 4) + MaskBytes.count(after, 1, 4));
        RevisionChange change = second.getChange();
        assertThat(changed).isPositive();
        assertThat(change.getChangedVoxels()).isEqualTo(changed);
        assertThat(change.getDice()).containsOnlyKeys("WHOLE", "CORE");
        assertThat(change.getDice().get("CORE")).isCloseTo(core, within(1e-12));
        assertThat(change.getDice().get("WHOLE")).isCloseTo(whole, within(1e-12));
        assertThat(change.getWeightChange()).isEqualTo(Map.of("T1", -0.5, "T2", 0.5));
    }

    @Test
    void shouldCompareWithItsOwnPredecessorWhenTheResultComesFromTheCache() throws Exception {
        second(first.getMask());
        InferenceOutcome repeated = second(first.getMask());

        assertThat(repeated.getTimingsMs()).doesNotContainKey("infer");
        assertThat(repeated.getChange()).isNotNull();
    }

    @Test
    void shouldRaiseTheFlagWhenTheFormerMaskIsGone() throws Exception {
        Files.delete(ExecutorScenario.pathOf(first.getMask().getUri()));

        assertUnreadable(second(first.getMask()));
    }

    @Test
    void shouldRaiseTheFlagWhenTheFormerMaskIsNotTheFileThatWasPublished() throws Exception {
        Files.write(
                ExecutorScenario.pathOf(first.getMask().getUri()),
                Phantom.noise(77).gzip());

        assertUnreadable(second(first.getMask()));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "file:///etc/hostname",
                "s3://bucket/mask.nii.gz",
                "http://localhost/mask.nii.gz",
                "relative",
                "not a uri"
            })
    void shouldRaiseTheFlagWhenTheFormerMaskLiesWhereThisStoreDoesNotReach(String uri) throws Exception {
        assertUnreadable(second(firstMask().setUri(uri).build()));
    }

    @Test
    void shouldNotCompareWhenTheFormerMaskHadOtherDimensions() throws Exception {
        assertNotCompared(second(firstMask().setDims(List.of(26, 18, 11)).build()));
    }

    @Test
    void shouldNotCompareWhenTheFormerMaskLayElsewhere() throws Exception {
        List<Double> moved = new ArrayList<>(first.getMask().getAffine());
        moved.set(3, moved.get(3) + 2);
        assertNotCompared(second(firstMask().setAffine(moved).build()));
    }

    private static void assertUnreadable(InferenceOutcome outcome) {
        assertThat(outcome.getChange()).isNull();
        assertThat(outcome.getFlags()).contains("PREVIOUS_MASK_UNREADABLE");
    }

    private static void assertNotCompared(InferenceOutcome outcome) {
        assertThat(outcome.getChange()).isNull();
        assertThat(outcome.getFlags()).doesNotContain("PREVIOUS_MASK_UNREADABLE");
    }

    private static byte[] labels(InferenceOutcome outcome) {
        return MaskBytes.labels(ExecutorScenario.pathOf(outcome.getMask().getUri()));
    }
}
