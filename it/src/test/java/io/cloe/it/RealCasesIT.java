package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.it.tools.NiftiFiles;
import io.cloe.it.tools.Outputs;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.Studies;
import io.cloe.it.tools.TestCluster;
import io.cloe.it.tools.Waiting;
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
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real case of full size through the worker; skipped where the data, which is not part of the repository, is absent. */
class RealCasesIT {

    private static final String CASE = "BraTS2021_00006";
    private static final List<String> USED = List.of("T2", "FLAIR");

    @TempDir
    Path folder;

    @Test
    void shouldWriteAMaskOnTheScansGridAndInsideTheBrainWhenTheCaseIsReal() throws Exception {
        Path data = Repository.data("glioma").resolve(CASE);
        Map<String, Path> volumes = StudyFolder.below(data).get(0).volumes();
        Segmentation result;
        try (EmbeddedBroker broker = EmbeddedBroker.start(Files.createDirectory(folder.resolve("kafka")), 0);
                TestCluster cluster = new TestCluster(broker.address())) {
            Topics topics = cluster.createTopics("", 1);
            Map<String, String> settings = cluster.workerSettings(folder, Repository.shippedBundle(), data);
            try (WorkerProcess worker = WorkerProcess.start(WorkerConfig.of(settings));
                    Studies studies = new Studies(folder, cluster.clients(""));
                    Outputs outputs = new Outputs(broker.address(), topics)) {
                assertThat(worker.awaitRunning(Waiting.PATIENCE)).isTrue();
                studies.submit("real", volumes, USED, event -> event.setExpectedModalities(USED));
                result = outputs.awaitResult("real", 0);
                assertThat(outputs.failures("real")).isEmpty();
            }
        }
        Volume mask = NiftiFiles.read(Path.of(URI.create(result.getMask().getUri())));
        Volume t2 = NiftiFiles.read(volumes.get("T2"));
        Volume flair = NiftiFiles.read(volumes.get("FLAIR"));
        assertThat(mask.grid()).isEqualTo(flair.grid());
        assertThat(result.getMask().getDims())
                .containsExactlyElementsOf(
                        Arrays.stream(flair.grid().dims()).boxed().toList());
        assertThat(result.getMask().getAffine())
                .containsExactlyElementsOf(
                        Arrays.stream(flair.grid().affine()).boxed().toList());
        int labelled = 0;
        int outsideTheBrain = 0;
        for (int voxel = 0; voxel < mask.voxels().length; voxel++) {
            float label = mask.voxels()[voxel];
            assertThat(label).isIn(0f, 1f, 2f, 3f);
            if (label != 0) {
                labelled++;
                outsideTheBrain += t2.voxels()[voxel] == 0 && flair.voxels()[voxel] == 0 ? 1 : 0;
            }
        }
        assertThat(outsideTheBrain).isZero();
        assertThat(labelled).isPositive();
        assertThat(result.getVolumesMl().get("WT") * 1000)
                .as("voxels of 1 cubic mm")
                .isCloseTo(labelled, org.assertj.core.api.Assertions.within(0.5));
    }
}
