package io.cloe.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.it.faults.Fleet;
import io.cloe.it.tools.BrokerProcess;
import io.cloe.it.tools.Outputs;
import io.cloe.it.tools.Repository;
import io.cloe.it.tools.Studies;
import io.cloe.it.tools.TestCluster;
import io.cloe.schemas.Segmentation;
import io.cloe.topology.Topics;
import io.cloe.worker.config.InferenceConfig;
import io.cloe.worker.config.WorkerConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** All events are read once more by a new group, after the worker was killed: the device does not compute anything twice. */
class ReplayIT {

    private static final int STUDIES = 5;
    private static final List<String> ALL = List.of("T1", "T2", "FLAIR");
    private static final String DEVICE_TIME = "infer";

    @TempDir
    Path folder;

    @Test
    void shouldComputeEachInputOnceWhenAllEventsAreReplayed() throws Exception {
        Path volumes = Files.createDirectory(folder.resolve("volumes"));
        try (BrokerProcess broker = BrokerProcess.start(Files.createDirectory(folder.resolve("kafka")));
                TestCluster cluster = new TestCluster(broker.address())) {
            Topics topics = cluster.createTopics("", 2);
            Map<String, String> settings =
                    new HashMap<>(cluster.workerSettings(folder, Repository.tinyBundle(), volumes));
            settings.put(InferenceConfig.INFERENCE_THREADS, "1");
            settings.put(WorkerConfig.KAFKA_PREFIX + "auto.offset.reset", "earliest");
            settings.put(WorkerConfig.APPLICATION_ID, "first");
            try (Studies studies = new Studies(volumes, cluster.clients(""));
                    Outputs outputs = new Outputs(broker.address(), topics)) {
                try (Fleet fleet = new Fleet(folder, settings)) {
                    fleet.start(0);
                    for (int i = 0; i < STUDIES; i++) {
                        submit(studies, i);
                        outputs.awaitResult("study-" + i, 0);
                    }
                    fleet.kill(0);
                }
                settings.put(WorkerConfig.APPLICATION_ID, "second");
                try (Fleet fleet = new Fleet(folder, settings)) {
                    fleet.start(0);
                    outputs.await("results of the replay", () -> outputs.resultCounts().values().stream()
                            .allMatch(count -> count == 2));
                }

                List<Segmentation> results = outputs.all().stream()
                        .filter(seen -> seen.value() instanceof Segmentation)
                        .map(seen -> (Segmentation) seen.value())
                        .toList();
                assertThat(results).hasSize(2 * STUDIES);
                // One result of the first group may serve the second too: it lies in the internal topic. It counts
                // once.
                Map<String, Set<Instant>> computed = results.stream()
                        .filter(result -> result.getTimingsMs().containsKey(DEVICE_TIME))
                        .collect(Collectors.groupingBy(
                                Segmentation::getInputDigest,
                                Collectors.mapping(Segmentation::getFinishedAt, Collectors.toSet())));
                assertThat(computed.values())
                        .allSatisfy(times -> assertThat(times).hasSize(1));
                assertThat(computed.keySet())
                        .isEqualTo(results.stream()
                                .map(Segmentation::getInputDigest)
                                .collect(Collectors.toSet()));
                for (int i = 0; i < STUDIES; i++) {
                    assertThat(outputs.segmentations("study-" + i))
                            .extracting(Segmentation::getMask)
                            .satisfies(masks -> assertThat(masks.get(1)).isEqualTo(masks.get(0)));
                }
            }
        }
    }

    /** The last two studies have the same volumes. */
    private static void submit(Studies studies, int number) throws Exception {
        String study = "study-" + number;
        Map<String, Path> files = studies.phantom(study, Math.min(number, STUDIES - 2));
        List<String> scans = number == 0 ? List.of("T1") : ALL;
        studies.submit(study, files, scans, event -> event.setExpectedModalities(scans));
    }
}
