package io.cloe.it.matrix;

import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.topology.matrix.Answer;
import io.cloe.topology.study.Fixtures;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.StreamJoined;

/**
 * Kafka Streams' own way: a stream per modality, chained outer joins over a window as long as studies wait. Exactly once, one
 * sub-topology, wall-clock timestamps given by the producer.
 */
public enum DslOuterJoin implements Contender {

    /** As it is usually written: windows without grace. */
    PLAIN {
        @Override
        Duration grace(int join, Duration timeout) {
            return Duration.ZERO;
        }
    },

    /**
     * With what helps: each join waits until the one before it has given up, since what a window did not match comes out only when
     * it closes, with the timestamp that it went in with.
     */
    PATIENT {
        @Override
        Duration grace(int join, Duration timeout) {
            return timeout.plus(EMISSION).multipliedBy(join);
        }
    };

    /** Kafka Streams looks for unmatched records at most once a second. */
    private static final Duration EMISSION = Duration.ofSeconds(2);

    /** How long a join still takes records after its window, which is also how much later unmatched ones come out. */
    abstract Duration grace(int join, Duration timeout);

    @Override
    public Member join(Site site, Path state) {
        StreamsBuilder builder = new StreamsBuilder();
        KStream<String, ScanEvent> scans = builder.stream(
                site.topics().scanEvents(), Consumed.with(Serdes.String(), RecordSerde.of(ScanEvent.class)));
        KStream<String, String> joined = of(scans, Fixtures.MODALITIES.get(0));
        for (int join = 0; join + 1 < Fixtures.MODALITIES.size(); join++) {
            String name = "join-" + join;
            joined = joined.outerJoin(
                    of(scans, Fixtures.MODALITIES.get(join + 1)),
                    DslOuterJoin::both,
                    JoinWindows.ofTimeDifferenceAndGrace(site.timeout(), grace(join, site.timeout())),
                    StreamJoined.with(Serdes.String(), Serdes.String(), Serdes.String())
                            .withName(name)
                            .withStoreName(name));
        }
        joined.to(resultTopic(site), Produced.with(Serdes.String(), Serdes.String()));
        return StreamsMember.start(new KafkaStreams(builder.build(), settings(site, state)));
    }

    private static KStream<String, String> of(KStream<String, ScanEvent> scans, String modality) {
        return scans.filter((study, scan) -> scan.getModality().equals(modality))
                .mapValues(ScanList::of);
    }

    private static String both(String left, String right) {
        return left == null ? right : right == null ? left : left + ScanList.SEPARATOR + right;
    }

    private static Properties settings(Site site, Path state) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, site.name());
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, site.broker());
        settings.put(StreamsConfig.STATE_DIR_CONFIG, state.toString());
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        return settings;
    }

    @Override
    public String title() {
        return "dsl-join-" + name().toLowerCase(Locale.ROOT);
    }

    /**
     * Twice the time after which the last window closes: a join that looks for unmatched records and finds some whose windows are still
     * open may not look again before the newest record that it saw then is due.
     */
    @Override
    public Duration longestWait(Duration timeout) {
        Duration lastWindow = timeout.plus(grace(Fixtures.MODALITIES.size() - 2, timeout));
        return lastWindow.multipliedBy(2).plusSeconds(6);
    }

    @Override
    public String resultTopic(Site site) {
        return site.name() + "-joined";
    }

    @Override
    public Answer answer(ConsumerRecord<byte[], byte[]> result) {
        return ScanList.answer(
                new String(result.key(), StandardCharsets.UTF_8), new String(result.value(), StandardCharsets.UTF_8));
    }
}
