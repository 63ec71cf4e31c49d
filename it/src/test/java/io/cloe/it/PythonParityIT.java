package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cloe.it.tools.NiftiFiles;
import io.cloe.it.tools.Outputs;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.Studies;
import io.cloe.it.tools.TestCluster;
import io.cloe.it.tools.Waiting;
import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.ModalityGating;
import io.cloe.schemas.Segmentation;
import io.cloe.standalone.EmbeddedBroker;
import io.cloe.topology.Topics;
import io.cloe.worker.config.WorkerConfig;
import io.cloe.worker.kafka.WorkerProcess;
import io.cloe.worker.submit.StudyFolder;
import io.cloe.worker.volume.Volume;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The worker, from event to mask file, against the Python package that trained the model and whose preprocessing is the contract: the
 * same study, all fifteen subsets by windows, and a brain at once.
 */
class PythonParityIT {

    private static final List<String> ALL = List.of("T1", "T1CE", "T2", "FLAIR");
    private static final double EQUAL_LABELS = 0.999;
    private static final double SCORE_TOLERANCE = 1e-4;
    private static final double VOLUME_TOLERANCE = 1e-3;

    @TempDir
    Path folder;

    /** How far two answers to one subset are apart. */
    private record Difference(
            String subset, double equalLabels, double weights, double spread, double global, double regional) {

        @Override
        public String toString() {
            return String.format(
                    Locale.ROOT,
                    "%-18s %10.4f%% %12.1e %12s %12s",
                    subset,
                    100 * equalLabels,
                    weights,
                    Double.isNaN(global) ? "undefined" : String.format(Locale.ROOT, "%.1e", global),
                    Double.isNaN(regional) ? "undefined" : String.format(Locale.ROOT, "%.1e", regional));
        }
    }

    @Test
    void shouldAnswerAsThePythonPackageDoesWhenGivenAnySubset() throws Exception {
        Path study = Files.createDirectories(folder.resolve("volumes/study"));
        for (Path volume :
                StudyFolder.below(Repository.phantoms()).get(0).volumes().values()) {
            Files.copy(volume, study.resolve(volume.getFileName()));
        }

        List<Difference> differences = differences(study, subsets());

        assertThat(differences).hasSize(15).allSatisfy(PythonParityIT::assertSmall);
    }

    @Test
    void shouldAnswerAsThePythonPackageDoesWhenABrainOfOneMillimetreIsSegmentedAtOnce() throws Exception {
        Path volumes = folder.resolve("volumes");
        run(
                "phantom.log",
                Repository.python().resolveSibling("cloe").toString(),
                "phantom",
                "--out",
                volumes.toString(),
                "--cases",
                "1",
                "--seed",
                "51",
                "--spacing",
                "1.0");
        Path study = StudyFolder.below(volumes)
                .get(0)
                .volumes()
                .values()
                .iterator()
                .next()
                .getParent();

        List<Difference> differences = differences(study, List.of(List.of("FLAIR"), List.of("T1CE", "T2", "FLAIR")));

        assertThat(differences).hasSize(2).allSatisfy(difference -> {
            assertSmall(difference);
            assertThat(difference.spread())
                    .as("weights of one window do not differ")
                    .isZero();
        });
    }

    private static void assertSmall(Difference difference) {
        assertThat(difference.equalLabels()).as(difference.subset()).isGreaterThan(EQUAL_LABELS);
        assertThat(difference.weights()).as(difference.subset()).isLessThan(SCORE_TOLERANCE);
        if (!Double.isNaN(difference.global())) {
            assertThat(difference.global()).as(difference.subset()).isLessThan(SCORE_TOLERANCE);
            assertThat(difference.regional()).as(difference.subset()).isLessThan(SCORE_TOLERANCE);
        }
    }

    /** Both answers to each subset of the study in this folder, and how far they are apart. */
    private List<Difference> differences(Path study, List<List<String>> subsets) throws Exception {
        Path reference = folder.resolve("reference");
        List<Difference> differences = new ArrayList<>();
        try (EmbeddedBroker broker = EmbeddedBroker.start(Files.createDirectory(folder.resolve("kafka")), 0);
                TestCluster cluster = new TestCluster(broker.address())) {
            Topics topics = cluster.createTopics("", 1);
            Map<String, String> settings =
                    cluster.workerSettings(folder, Repository.shippedBundle(), study.getParent());
            try (WorkerProcess worker = WorkerProcess.start(WorkerConfig.of(settings));
                    Studies studies = new Studies(study.getParent(), cluster.clients(""));
                    Outputs outputs = new Outputs(broker.address(), topics)) {
                assertThat(worker.awaitRunning(Waiting.PATIENCE)).isTrue();
                Map<String, Path> scans = StudyFolder.below(study).get(0).volumes();
                runPython(study, reference, subsets);
                for (List<String> subset : subsets) {
                    String name = String.join("+", subset);
                    studies.submit(name, scans, subset, event -> event.setExpectedModalities(subset));
                    Segmentation result = outputs.awaitResult(name, 0);
                    differences.add(
                            compare(name, result, outputs.weights(name, 0).orElseThrow(), reference.resolve(name)));
                }
            }
        }
        System.out.printf(
                "%-18s %11s %12s %12s %12s%n", "subset", "equal", "weights", "consistency u", "consistency v");
        differences.forEach(System.out::println);
        return differences;
    }

    private static List<List<String>> subsets() {
        List<List<String>> subsets = new ArrayList<>();
        for (int bits = 1; bits < 1 << ALL.size(); bits++) {
            List<String> subset = new ArrayList<>();
            for (int modality = 0; modality < ALL.size(); modality++) {
                if ((bits >> modality & 1) == 1) {
                    subset.add(ALL.get(modality));
                }
            }
            subsets.add(subset);
        }
        return subsets;
    }

    private void runPython(Path study, Path reference, List<List<String>> subsets) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                Repository.python().toString(),
                Repository.root().resolve("it/src/test/python/infer_subsets.py").toString(),
                "--bundle",
                Repository.shippedBundle().toString(),
                "--study",
                study.toString(),
                "--out",
                reference.toString()));
        subsets.forEach(subset -> command.addAll(List.of("--subset", String.join("+", subset))));
        run("python.log", command.toArray(String[]::new));
    }

    private void run(String logName, String... command) throws Exception {
        Path log = folder.resolve(logName);
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        try {
            assertThat(process.waitFor(8, TimeUnit.MINUTES)).as("Python ends").isTrue();
        } finally {
            process.destroyForcibly();
        }
        assertThat(process.exitValue()).as(Files.readString(log)).isZero();
    }

    private static Difference compare(String subset, Segmentation result, GatingWeights weights, Path reference)
            throws Exception {
        JsonNode expected =
                new ObjectMapper().readTree(reference.resolve("result.json").toFile());
        Volume ours = NiftiFiles.read(Path.of(URI.create(result.getMask().getUri())));
        Volume theirs = NiftiFiles.read(reference.resolve("mask.nii.gz"));
        assertThat(ours.grid().matches(theirs.grid())).as("grid of " + subset).isTrue();
        assertThat(result.getModel().getSha256())
                .isEqualTo(expected.at("/model/sha256").asText());
        boolean computed = expected.get("gate").asText().equals("computed");
        assertThat(weights.getGateActed()).isEqualTo(computed);
        double weight = 0;
        double spread = 0;
        double global = computed ? 0 : Double.NaN;
        double regional = computed ? 0 : Double.NaN;
        for (ModalityGating one : weights.getModalities()) {
            String modality = one.getModality();
            weight = Math.max(weight, apart(expected, "weights", modality, one.getWeight()));
            weight = Math.max(weight, apart(expected, "spread", modality, one.getWeightSpread()));
            spread = Math.max(spread, one.getWeightSpread());
            if (computed) {
                global = Math.max(global, apart(expected, "consistencyGlobal", modality, one.getConsistencyGlobal()));
                regional = Math.max(
                        regional, apart(expected, "consistencyRegional", modality, one.getConsistencyRegional()));
            } else {
                assertThat(one.getConsistencyGlobal()).isNull();
                assertThat(one.getConsistencyRegional()).isNull();
            }
        }
        assertThat(result.getVolumesMl().get("WT")).as("WT of " + subset).isPositive();
        double allMl = ours.grid().voxels() * ours.grid().voxelVolumeMl();
        result.getVolumesMl().forEach((region, ml) -> assertThat(ml)
                .as(region + " of " + subset)
                .isCloseTo(expected.at("/volumesMl/" + region).asDouble(), within(VOLUME_TOLERANCE * allMl)));
        return new Difference(subset, equalLabels(ours.voxels(), theirs.voxels()), weight, spread, global, regional);
    }

    private static double apart(JsonNode expected, String score, String modality, double value) {
        return Math.abs(expected.get(score).get(modality).asDouble() - value);
    }

    private static double equalLabels(float[] ours, float[] theirs) {
        int equal = 0;
        for (int voxel = 0; voxel < ours.length; voxel++) {
            equal += ours[voxel] == theirs[voxel] ? 1 : 0;
        }
        return (double) equal / ours.length;
    }
}
