package io.cloe.worker.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.cloe.worker.config.ConfigurationException;
import io.cloe.worker.config.WorkerConfig;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.streams.StreamsConfig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StreamsSettingsTest {

    private static Properties settings(String... keysAndValues) throws ConfigurationException {
        Map<String, String> settings = new HashMap<>(Map.of(
                "bootstrap.servers", "localhost:9092",
                "model.bundles", "/bundle",
                "volume.roots", "/in",
                "mask.directory", "/masks",
                "topics.prefix", "site."));
        for (int i = 0; i < keysAndValues.length; i += 2) {
            settings.put(keysAndValues[i], keysAndValues[i + 1]);
        }
        return StreamsSettings.of(WorkerConfig.of(settings));
    }

    @Test
    void shouldBeAcceptedByKafkaStreamsWhenNothingIsOverridden() throws Exception {
        StreamsConfig parsed = new StreamsConfig(settings());

        assertThat(parsed.getString("processing.guarantee")).isEqualTo("exactly_once_v2");
        assertThat(parsed.getString("application.id")).isEqualTo("cloe-worker");
        assertThat(parsed.getString("errors.dead.letter.queue.topic.name")).isEqualTo("site.dead-letters");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "processing.guarantee",
                "statestore.cache.max.bytes",
                "deserialization.exception.handler",
                "errors.dead.letter.queue.topic.name",
                "default.timestamp.extractor",
                "application.id"
            })
    void shouldRefuseASettingWhenThePromiseDependsOnIt(String key) {
        assertThatExceptionOfType(ConfigurationException.class)
                .isThrownBy(() -> settings("kafka." + key, "another"))
                .withMessageStartingWith("setting kafka." + key + "=another ")
                .withMessageContaining("allowed: ");
    }

    @Test
    void shouldPassOtherSettingsOnWhenTheyAreGiven() throws Exception {
        assertThat(settings("kafka.commit.interval.ms", "50", "kafka.main.consumer.max.poll.records", "10"))
                .containsEntry("commit.interval.ms", "50")
                .containsEntry("main.consumer.max.poll.records", "10");
    }
}
