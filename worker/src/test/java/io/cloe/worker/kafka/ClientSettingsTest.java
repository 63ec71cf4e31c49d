package io.cloe.worker.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.cloe.topology.Topics;
import io.cloe.worker.config.ConfigurationException;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ClientSettingsTest {

    @Test
    void shouldGiveEachClientWhatItKnowsWhenSettingsAreMixed() throws Exception {
        ClientSettings settings = ClientSettings.of(Map.of(
                "bootstrap.servers", "localhost:9092",
                "topics.prefix", "site.",
                "study.timeout", "15m",
                "kafka.security.protocol", "SSL",
                "kafka.compression.type", "zstd",
                "kafka.max.poll.records", "7",
                "kafka.isolation.level", "read_uncommitted",
                "kafka.commit.interval.ms", "5"));

        Map<String, Object> common = Map.of("bootstrap.servers", "localhost:9092", "security.protocol", "SSL");
        assertThat(settings.admin()).isEqualTo(common);
        assertThat(settings.producer())
                .containsAllEntriesOf(common)
                .containsEntry("compression.type", "zstd")
                .hasSize(3);
        assertThat(settings.consumer())
                .containsAllEntriesOf(common)
                .containsEntry("max.poll.records", "7")
                .containsEntry("isolation.level", "read_committed")
                .hasSize(4);
        assertThat(settings.topics()).isEqualTo(Topics.withPrefix("site."));
    }

    @Test
    void shouldNameTheKeyWhenTheBrokersAreMissing() {
        for (Map<String, String> settings :
                java.util.List.of(Map.<String, String>of(), Map.of("bootstrap.servers", " "))) {
            assertThatExceptionOfType(ConfigurationException.class)
                    .isThrownBy(() -> ClientSettings.of(settings))
                    .withMessageStartingWith("missing setting bootstrap.servers: ");
        }
    }
}
