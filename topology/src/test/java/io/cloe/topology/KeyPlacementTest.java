package io.cloe.topology;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.cloe.schemas.CommandKind;
import io.cloe.schemas.StudyCommand;
import io.cloe.topology.study.Counted;
import io.cloe.topology.study.Fixtures;
import io.cloe.topology.study.StudyRules;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

class KeyPlacementTest {

    private static final int PARTITIONS = 8;

    @TempDir
    Path stateDirectory;

    @ParameterizedTest
    @ValueSource(strings = {"study-1", "a", "Größe", "\uD83E\uDDE0", " "})
    void shouldAgreeWithKafkasProducer(String key) {
        byte[] bytes = key.getBytes(StandardCharsets.UTF_8);
        for (int partitions : List.of(1, 2, 3, 8, 1000)) {
            int right = BuiltInPartitioner.partitionForKey(bytes, partitions);
            KeyPlacement placement = KeyPlacement.of(partitions);

            assertThat(placement.isElsewhere(key, right)).isFalse();
            assertThat(partitions > 1 && !placement.isElsewhere(key, (right + 1) % partitions))
                    .isFalse();
        }
    }

    @Test
    void shouldCountEveryMisplacedRecordAndWarnOfATopicOnceWithoutItsKeys() {
        ListAppender<ILoggingEvent> log = new ListAppender<>();
        log.start();
        Logger logger = (Logger) LoggerFactory.getLogger(StudyProcessor.class);
        logger.addAppender(log);
        try (StudyDriver topology =
                new StudyDriver(stateDirectory, StudyRules.defaults(), KeyPlacement.of(PARTITIONS))) {
            List<String> elsewhere = studies(true);
            for (String study : elsewhere) {
                topology.send(study, "T1");
            }
            studies(false).forEach(study -> topology.send(study, "T1"));
            topology.commands.pipeInput(
                    elsewhere.get(0),
                    new StudyCommand("c", elsewhere.get(0), CommandKind.HOLD, null, null, Fixtures.START));

            assertThat(topology.counted(Counted.MISPLACED_KEY)).isEqualTo(elsewhere.size() + 1);
            assertThat(log.list)
                    .extracting(ILoggingEvent::getFormattedMessage)
                    .hasSize(2)
                    .anyMatch(line -> line.startsWith("records of scan-events "))
                    .anyMatch(line -> line.startsWith("records of study-commands "))
                    .noneMatch(line -> line.contains("study-1"));
        } finally {
            logger.detachAppender(log);
        }
    }

    /** Keys that belong in the driver's partition, which is 0, or that do not. */
    private static List<String> studies(boolean elsewhere) {
        return IntStream.range(0, 1000)
                .mapToObj(number -> "study-1" + number)
                .filter(study -> KeyPlacement.of(PARTITIONS).isElsewhere(study, 0) == elsewhere)
                .limit(5)
                .toList();
    }
}
