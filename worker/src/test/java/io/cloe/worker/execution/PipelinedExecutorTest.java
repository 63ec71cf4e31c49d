package io.cloe.worker.execution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceOutcome;
import io.cloe.schemas.MaskReference;
import io.cloe.schemas.ModalityGating;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.VolumeReference;
import io.cloe.worker.execution.ExecutorScenario.Sent;
import io.cloe.worker.inference.ReviewFlag;
import io.cloe.worker.volume.NiftiBytes;
import io.cloe.worker.volume.VolumeFlag;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PipelinedExecutorTest {

    @TempDir
    Path folder;

    @Test
    void shouldReportTheMaskAsItLiesInTheStoreWhenAStudyIsSegmented() throws Exception {
        try (ExecutorScenario scenario = ExecutorScenario.in(folder).start()) {
            InferenceOutcome outcome = scenario.outcomeOf(threeModalities(scenario));

            MaskReference mask = outcome.getMask();
            Path file = ExecutorScenario.pathOf(mask.getUri());
            byte[] bytes = Files.readAllBytes(file);
            assertThat(file.toRealPath()).startsWith(scenario.masks.toRealPath());
            assertThat(mask.getSha256()).isEqualTo(Phantom.sha256(bytes));
            assertThat(mask.getSizeBytes()).isEqualTo(bytes.length);
            assertThat(mask.getInline()).isNull();
            assertThat(mask.getFormat()).isEqualTo("nifti");
            assertThat(mask.getLabelScheme()).isEqualTo("test-labels: CORE 1, RIM 4");
            assertThat(mask.getDims())
                    .containsExactlyElementsOf(
                            Arrays.stream(Phantom.DIMS).boxed().toList());
            assertThat(mask.getAffine())
                    .containsExactlyElementsOf(
                            Arrays.stream(Phantom.AFFINE).boxed().toList());
        }
    }

    @Test
    void shouldMeasureWhatTheMaskShowsWhenAStudyIsSegmented() throws Exception {
        try (ExecutorScenario scenario = ExecutorScenario.in(folder).start()) {
            InferenceOutcome outcome = scenario.outcomeOf(threeModalities(scenario));

            byte[] labels =
                    MaskBytes.labels(ExecutorScenario.pathOf(outcome.getMask().getUri()));
            assertThat(labels).hasSize(26 * 18 * 10);
            assertThat(MaskBytes.count(labels, 0, 1, 4)).isEqualTo(labels.length);
            double core = MaskBytes.count(labels, 1) * Phantom.VOXEL_ML;
            double rim = MaskBytes.count(labels, 4) * Phantom.VOXEL_ML;
            assertThat(core).isPositive();
            assertThat(rim).isPositive();
            assertThat(outcome.getVolumesMl()).containsOnlyKeys("WHOLE", "CORE", "RIM");
            assertThat(outcome.getVolumesMl().get("CORE")).isCloseTo(core, within(1e-9));
            assertThat(outcome.getVolumesMl().get("RIM")).isCloseTo(rim, within(1e-9));
            assertThat(outcome.getVolumesMl().get("WHOLE")).isCloseTo(core + rim, within(1e-9));
        }
    }

    @Test
    void shouldReportModelGateInputAndTimingsWhenAStudyIsSegmented() throws Exception {
        try (ExecutorScenario scenario = ExecutorScenario.in(folder).start()) {
            InferenceJob job = threeModalities(scenario);
            InferenceOutcome outcome = scenario.outcomeOf(job);

            assertThat(outcome.getModel())
                    .isEqualTo(new ModelReference(
                            "test-family",
                            "tiny",
                            "1.0.0",
                            scenario.bundle.identity().digest()));
            assertThat(outcome.getModel().getSha256()).matches("[0-9a-f]{64}");
            assertThat(outcome.getGateActed()).isTrue();
            assertThat(outcome.getGating())
                    .extracting(ModalityGating::getModality)
                    .containsExactly("T1", "T2", "FLAIR");
            assertThat(outcome.getGating().stream()
                            .mapToDouble(ModalityGating::getWeight)
                            .sum())
                    .isCloseTo(1, within(1e-6));
            assertThat(outcome.getGating()).allSatisfy(gating -> {
                assertThat(gating.getWeight()).isStrictlyBetween(0.0, 1.0);
                assertThat(gating.getConsistencyGlobal()).isBetween(-1.0, 1.0);
                assertThat(gating.getConsistencyRegional()).isBetween(-1.0, 1.0);
                assertThat(gating.getConsistencyGlobalSpread()).isNotNegative();
            });
            assertThat(outcome.getFlags()).contains(ReviewFlag.DEMONSTRATION_MODEL.name());
            assertThat(outcome.getChange()).isNull();
            assertThat(outcome.getInputDigest()).isEqualTo(expectedDigest(job, "T1", "T2", "FLAIR"));
            assertThat(outcome.getTimingsMs())
                    .containsOnlyKeys("queue", "decode", "device-queue", "infer", "measure", "write")
                    .allSatisfy(
                            (stage, milliseconds) -> assertThat(milliseconds).isNotNegative());
            assertThat(outcome.getTimingsMs().get("queue"))
                    .isEqualTo(ExecutorScenario.NOW.toEpochMilli()
                            - job.getQueuedAt().toEpochMilli());
            assertThat(outcome.getFinishedAt()).isEqualTo(ExecutorScenario.NOW);
        }
    }

    @Test
    void shouldReportNoNegativeWaitWhenTheOtherMachinesClockIsAhead() throws Exception {
        try (ExecutorScenario scenario = ExecutorScenario.in(folder).start()) {
            InferenceOutcome outcome = scenario.outcomeOf(scenario.goodJob("ahead")
                    .setQueuedAt(ExecutorScenario.NOW.plusSeconds(5))
                    .build());

            assertThat(outcome.getTimingsMs()).containsEntry("queue", 0L);
        }
    }

    @Test
    void shouldLeaveConsistencyUndefinedWhenThereIsOneModality() throws Exception {
        try (ExecutorScenario scenario = ExecutorScenario.in(folder).start()) {
            InferenceOutcome outcome =
                    scenario.outcomeOf(scenario.goodJob("one").build());

            assertThat(outcome.getGateActed()).isFalse();
            assertThat(outcome.getGating()).singleElement().satisfies(gating -> {
                assertThat(gating.getModality()).isEqualTo("T1");
                assertThat(gating.getWeight()).isEqualTo(1);
                assertThat(gating.getConsistencyGlobal()).isNull();
                assertThat(gating.getConsistencyRegional()).isNull();
                assertThat(gating.getConsistencyGlobalSpread()).isNull();
                assertThat(gating.getConsistencyRegionalSpread()).isNull();
            });
        }
    }

    @Test
    void shouldCarryTheFlagsOfTheVolumesWhenTheyAreDoubtful() throws Exception {
        try (ExecutorScenario scenario = ExecutorScenario.in(folder).start()) {
            byte[] bytes = Phantom.noise(5).bytes();
            // The first voxel becomes NaN: 32-bit float, little-endian, right behind the header.
            bytes[352 + 2] = (byte) 0xc0;
            bytes[352 + 3] = (byte) 0x7f;
            Path file = Phantom.write(scenario.input.resolve("nan.nii.gz"), NiftiBytes.gzip(bytes));

            InferenceOutcome outcome = scenario.outcomeOf(
                    Jobs.of("study", Map.of("T1", Phantom.reference(file))).build());

            assertThat(outcome.getFlags()).contains(VolumeFlag.NON_FINITE_VOXELS.name());
            assertThat(outcome.getFlags()).isSorted();
        }
    }

    @Test
    void shouldHaveTheMaskInTheStoreWhenTheResultIsSent() throws Exception {
        try (ExecutorScenario scenario = ExecutorScenario.in(folder).start()) {
            for (int study = 0; study < 10; study++) {
                scenario.lease.submit(scenario.goodJob("study-" + study).build());
            }
            for (int study = 0; study < 10; study++) {
                Sent sent = scenario.next();
                assertThat(sent.maskThere()).isTrue();
                assertThat(sent.partition()).isEqualTo(ExecutorScenario.PARTITION);
            }
        }
    }

    @Test
    void shouldCarryTheMaskInlineWhenItIsSmallEnough() throws Exception {
        try (ExecutorScenario scenario =
                ExecutorScenario.in(folder).inlineMaxBytes(900_000).start()) {
            MaskReference mask =
                    scenario.outcomeOf(scenario.goodJob("study").build()).getMask();

            assertThat(mask.getInline().array()).isEqualTo(Files.readAllBytes(ExecutorScenario.pathOf(mask.getUri())));
        }
    }

    @Test
    void shouldNotCarryTheMaskInlineWhenItIsTooLarge() throws Exception {
        try (ExecutorScenario scenario =
                ExecutorScenario.in(folder).inlineMaxBytes(10).start()) {
            assertThat(scenario.outcomeOf(scenario.goodJob("study").build())
                            .getMask()
                            .getInline())
                    .isNull();
        }
    }

    @Test
    void shouldNotRunTheNetworkAgainWhenTheSameInputComesAgain() throws Exception {
        try (ExecutorScenario scenario =
                ExecutorScenario.in(folder).cacheEntries(4).start()) {
            InferenceJob job = threeModalities(scenario);
            InferenceOutcome first = scenario.outcomeOf(job);
            InferenceOutcome again = scenario.outcomeOf(
                    Jobs.of("study", volumes(scenario)).setRevision(1).build());

            assertThat(first.getTimingsMs()).containsKey("infer");
            assertThat(again.getTimingsMs()).doesNotContainKeys("infer", "measure");
            assertThat(again.getMask().getUri()).isNotEqualTo(first.getMask().getUri());
            assertThat(ExecutorScenario.pathOf(again.getMask().getUri()))
                    .hasSameBinaryContentAs(
                            ExecutorScenario.pathOf(first.getMask().getUri()));
            assertThat(again.getGating()).isEqualTo(first.getGating());
            assertThat(again.getVolumesMl()).isEqualTo(first.getVolumesMl());
            assertThat(again.getFlags()).isEqualTo(first.getFlags());
        }
    }

    @Test
    void shouldFindItsMaskAgainWhenTheSameJobIsReplayedWithoutACache() throws Exception {
        try (ExecutorScenario scenario =
                ExecutorScenario.in(folder).cacheEntries(0).start()) {
            InferenceJob job = threeModalities(scenario);
            InferenceOutcome first = scenario.outcomeOf(job);
            InferenceOutcome again = scenario.outcomeOf(job);

            assertThat(again.getTimingsMs()).containsKey("infer");
            assertThat(again.getMask()).isEqualTo(first.getMask());
            try (Stream<Path> files = Files.walk(scenario.masks)) {
                assertThat(files.filter(Files::isRegularFile)).hasSize(1);
            }
        }
    }

    @Test
    void shouldRunTheNetworkWhenOnlyOneVolumeDiffers() throws Exception {
        try (ExecutorScenario scenario =
                ExecutorScenario.in(folder).cacheEntries(4).start()) {
            scenario.outcomeOf(threeModalities(scenario));
            Map<String, VolumeReference> volumes = new LinkedHashMap<>(volumes(scenario));
            volumes.put("T2", scenario.volume("other", "T2"));

            assertThat(scenario.outcomeOf(Jobs.of("study", volumes).build()).getTimingsMs())
                    .containsKey("infer");
        }
    }

    @Test
    void shouldClaimThePartitionWhenALeaseIsOpened() throws Exception {
        try (ExecutorScenario scenario = ExecutorScenario.in(folder).start()) {
            assertThat(scenario.claims.poll(5, TimeUnit.SECONDS)).isEqualTo(ExecutorScenario.PARTITION);
            scenario.openLease();
            assertThat(scenario.claims.poll(5, TimeUnit.SECONDS)).isEqualTo(ExecutorScenario.PARTITION);
        }
    }

    @Test
    void shouldEndItsThreadsAndReportNothingWhenItIsClosedInTheMiddle() throws Exception {
        GatedVolumes gate = new GatedVolumes();
        try (ExecutorScenario scenario = ExecutorScenario.in(folder)
                .decodeThreads(2)
                .volumes(gate::around)
                .start()) {
            scenario.lease.submit(scenario.goodJob("running").build());
            scenario.lease.submit(scenario.goodJob("waiting").build());
            assertThat(gate.arrived.poll(10, TimeUnit.SECONDS)).isNotNull();

            scenario.closeExecutor();

            assertThat(Thread.getAllStackTraces().keySet())
                    .extracting(Thread::getName)
                    .noneMatch(name -> name.startsWith("cloe-"));
            assertThat(scenario.sent).isEmpty();
        }
    }

    private static Map<String, VolumeReference> volumes(ExecutorScenario scenario) {
        Map<String, VolumeReference> volumes = new LinkedHashMap<>();
        for (String modality : List.of("FLAIR", "T1", "T2")) {
            volumes.put(modality, scenario.volume("study", modality));
        }
        return volumes;
    }

    private static InferenceJob threeModalities(ExecutorScenario scenario) {
        return Jobs.of("study", volumes(scenario)).build();
    }

    private static String expectedDigest(InferenceJob job, String... bundleOrder) {
        StringBuilder lines = new StringBuilder();
        for (String modality : bundleOrder) {
            job.getScans().stream()
                    .filter(scan -> scan.getScan().getModality().equals(modality))
                    .forEach(scan -> lines.append(modality)
                            .append(':')
                            .append(scan.getVolume().getSha256())
                            .append('\n'));
        }
        return Phantom.sha256(lines.toString().getBytes(StandardCharsets.US_ASCII));
    }
}
