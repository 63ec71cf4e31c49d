package io.cloe.topology;

import static io.cloe.topology.study.Fixtures.GLIOMA;
import static io.cloe.topology.study.Fixtures.MODALITIES;
import static io.cloe.topology.study.Fixtures.START;
import static io.cloe.topology.study.Fixtures.outcome;
import static io.cloe.topology.study.Fixtures.scan;
import static org.assertj.core.api.Assertions.assertThat;

import io.cloe.schemas.GatingWeights;
import io.cloe.schemas.InferenceJob;
import io.cloe.schemas.InferenceResult;
import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.Segmentation;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.topology.matrix.Answer;
import io.cloe.topology.matrix.ArrivalOrder;
import io.cloe.topology.matrix.Situation;
import io.cloe.topology.matrix.Verdict;
import io.cloe.topology.study.RuleBook;
import io.cloe.topology.study.StudyRules;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.TopologyTestDriver;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Studies of all 64 arrival orders, side by side in one task; {@code MatrixIT} has the situations that need a broker. */
class ArrivalOrdersTest {

    private static final List<Situation> SITUATIONS =
            List.of(Situation.IDLE, Situation.BUSY, Situation.DUPLICATES, Situation.OUT_OF_ORDER);
    private static final List<ArrivalOrder> ORDERS = ArrivalOrder.all();
    private static final Duration STEP = Duration.ofMinutes(1);
    private static final Duration TIMEOUT = StudyRules.defaults().timeout();

    @TempDir
    static Path stateDirectory;

    private static final Map<Situation, Run> RUNS = new EnumMap<>(Situation.class);

    @BeforeAll
    static void runAll() {
        for (Situation situation : SITUATIONS) {
            RUNS.put(situation, new Run(situation));
        }
    }

    static Stream<Arguments> cases() {
        return SITUATIONS.stream().flatMap(situation -> ORDERS.stream().map(order -> Arguments.of(situation, order)));
    }

    @Test
    void shouldKnowEveryOrderOnceWhenCounted() {
        assertThat(ORDERS).hasSize(64).doesNotHaveDuplicates();
        assertThat(ORDERS.stream().map(order -> Set.copyOf(order.modalities())).distinct())
                .hasSize(15);
    }

    @ParameterizedTest(name = "{0}: {1}")
    @MethodSource("cases")
    void shouldPublishOneCorrectResultWhenScansArriveInOrder(Situation situation, ArrivalOrder order) {
        List<Answer> answers = RUNS.get(situation).answers(order);

        assertThat(Verdict.on(order, situation, answers)).as("%s", answers).isEqualTo(Verdict.CORRECT);
        assertThat(RUNS.get(situation).weightsOf(order))
                .containsExactly(order.modalities().size());
    }

    /** One situation, from the first scan until long after the last deadline. */
    private static final class Run {

        private final ManualExecutor executor = new ManualExecutor();
        private final Situation situation;
        private final List<Segmentation> segmentations;
        private final List<GatingWeights> weights;
        private int others;

        Run(Situation situation) {
            this.situation = situation;
            Properties settings = new Properties();
            settings.put(StreamsConfig.APPLICATION_ID_CONFIG, situation.name());
            settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
            settings.put(StreamsConfig.STATE_DIR_CONFIG, stateDirectory.toString());
            Topics topics = Topics.withPrefix("");
            try (TopologyTestDriver driver = new TopologyTestDriver(
                    StudyTopology.build(topics, RuleBook.of(StudyRules.defaults()), GLIOMA, executor),
                    settings,
                    START)) {
                TestInputTopic<String, ScanEvent> scans = driver.createInputTopic(
                        topics.scanEvents(), new StringSerializer(), RecordSerde.of(ScanEvent.class));
                TestInputTopic<String, InferenceResult> results = driver.createInputTopic(
                        topics.inferenceResults(), new StringSerializer(), RecordSerde.of(InferenceResult.class));
                for (int arrived = 0; arrived < MODALITIES.size(); arrived++) {
                    for (ArrivalOrder order : ORDERS) {
                        if (arrived < order.modalities().size()) {
                            String modality = order.modalities().get(arrived);
                            situation
                                    .arrivals(order.studyId(), modality)
                                    .forEach(event -> scans.pipeInput(order.studyId(), event));
                        }
                    }
                    step(driver, scans, results);
                }
                for (Duration waited = Duration.ZERO; waited.compareTo(TIMEOUT) <= 0; waited = waited.plus(STEP)) {
                    step(driver, scans, results);
                }
                segmentations = read(driver, topics.segmentations(), Segmentation.class);
                weights = read(driver, topics.gatingWeights(), GatingWeights.class);
            }
        }

        /** Jobs end some time after they were asked for; meanwhile time passes, and other studies come when it is busy. */
        private void step(
                TopologyTestDriver driver,
                TestInputTopic<String, ScanEvent> scans,
                TestInputTopic<String, InferenceResult> results) {
            if (situation == Situation.BUSY) {
                String other = "other-" + others++;
                MODALITIES.forEach(modality -> scans.pipeInput(other, scan(other, modality)));
            }
            driver.advanceWallClockTime(STEP);
            for (InferenceJob job : executor.jobs()) {
                executor.finished(job);
                results.pipeInput(
                        job.getStudyId(), outcome(job, job.getQueuedAt().plus(STEP)));
            }
        }

        private static <T extends SpecificRecord> List<T> read(TopologyTestDriver driver, String topic, Class<T> type) {
            TestOutputTopic<String, T> output =
                    driver.createOutputTopic(topic, new StringDeserializer(), RecordSerde.of(type));
            return output.readValuesToList();
        }

        List<Answer> answers(ArrivalOrder order) {
            return segmentations.stream()
                    .filter(result -> result.getStudyId().equals(order.studyId()))
                    .map(Answer::of)
                    .toList();
        }

        /** Number of modalities weighted, of each record of a study's weights. */
        List<Integer> weightsOf(ArrivalOrder order) {
            return weights.stream()
                    .filter(weighted -> weighted.getStudyId().equals(order.studyId()))
                    .map(weighted -> weighted.getModalities().size())
                    .toList();
        }
    }
}
