package io.cloe.it.matrix;

import io.cloe.schemas.ScanEvent;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.topology.matrix.Answer;
import io.cloe.topology.study.Fixtures;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Configuration;
import org.springframework.integration.IntegrationMessageHeaderAccessor;
import org.springframework.integration.config.EnableIntegration;
import org.springframework.integration.dsl.IntegrationFlow;
import org.springframework.integration.kafka.dsl.Kafka;
import org.springframework.integration.store.MessageGroup;
import org.springframework.integration.store.SimpleMessageStore;
import org.springframework.integration.support.MessageBuilder;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.listener.KafkaMessageListenerContainer;
import org.springframework.kafka.support.KafkaHeaders;
import org.springframework.messaging.Message;

/**
 * Spring Integration's aggregator with its message store in memory, fed from the topic.
 *
 * <p>Set so that it does as well as it can: it releases by distinct modalities and takes the newest revision of each, so that neither
 * duplicates nor outdated revisions count; it remembers the groups that it has released, so that stragglers open no new ones.
 */
public final class SpringAggregator implements Contender {

    @Override
    public String title() {
        return "spring-aggregator";
    }

    @Override
    public Member join(Site site, Path state) {
        KafkaMessageListenerContainer<String, ScanEvent> container = container(site);
        DefaultKafkaProducerFactory<String, String> producers = producers(site);
        AnnotationConfigApplicationContext context = new AnnotationConfigApplicationContext();
        context.register(Infrastructure.class);
        context.registerBean(
                "studies", IntegrationFlow.class, () -> flow(container, new KafkaTemplate<>(producers), site));
        context.refresh();
        return new ContextMember(context, container, producers);
    }

    private IntegrationFlow flow(
            KafkaMessageListenerContainer<String, ScanEvent> container,
            KafkaTemplate<String, String> results,
            Site site) {
        return IntegrationFlow.from(Kafka.messageDrivenChannelAdapter(container))
                .aggregate(studies -> studies.correlationStrategy(
                                message -> scan(message).getStudyId())
                        .releaseStrategy(group -> newest(group).size() == Fixtures.MODALITIES.size())
                        .outputProcessor(SpringAggregator::result)
                        .messageStore(new SimpleMessageStore())
                        .groupTimeout(site.timeout().toMillis())
                        .sendPartialResultOnExpiry(true)
                        .expireGroupsUponCompletion(false)
                        .expireGroupsUponTimeout(false))
                .handle(Kafka.outboundChannelAdapter(results)
                        .topic(resultTopic(site))
                        .sync(true))
                .get();
    }

    private static ScanEvent scan(Message<?> message) {
        return (ScanEvent) message.getPayload();
    }

    private static Map<String, ScanEvent> newest(MessageGroup group) {
        Collection<Message<?>> messages = group.getMessages();
        return messages.stream()
                .map(SpringAggregator::scan)
                .collect(Collectors.toMap(
                        ScanEvent::getModality,
                        scan -> scan,
                        (one, other) -> one.getScanRevision() >= other.getScanRevision() ? one : other,
                        TreeMap::new));
    }

    private static Message<String> result(MessageGroup group) {
        String scans =
                newest(group).values().stream().map(ScanList::of).collect(Collectors.joining(ScanList.SEPARATOR));
        return MessageBuilder.withPayload(scans)
                .setHeader(KafkaHeaders.KEY, group.getGroupId())
                .setHeader(IntegrationMessageHeaderAccessor.CORRELATION_ID, group.getGroupId())
                .build();
    }

    private static KafkaMessageListenerContainer<String, ScanEvent> container(Site site) {
        Map<String, Object> settings = Map.of(
                ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG,
                site.broker(),
                ConsumerConfig.GROUP_ID_CONFIG,
                site.name(),
                ConsumerConfig.AUTO_OFFSET_RESET_CONFIG,
                "earliest",
                ConsumerConfig.ISOLATION_LEVEL_CONFIG,
                "read_committed");
        return new KafkaMessageListenerContainer<>(
                new DefaultKafkaConsumerFactory<>(settings, new StringDeserializer(), RecordSerde.of(ScanEvent.class)),
                new ContainerProperties(site.topics().scanEvents()));
    }

    private static DefaultKafkaProducerFactory<String, String> producers(Site site) {
        Map<String, Object> settings =
                Map.of(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, site.broker(), ProducerConfig.ACKS_CONFIG, "all");
        return new DefaultKafkaProducerFactory<>(settings, new StringSerializer(), new StringSerializer());
    }

    @Override
    public String resultTopic(Site site) {
        return site.name() + "-aggregated";
    }

    @Override
    public Answer answer(ConsumerRecord<byte[], byte[]> result) {
        return ScanList.answer(
                new String(result.key(), StandardCharsets.UTF_8), new String(result.value(), StandardCharsets.UTF_8));
    }

    /** A group's timeout starts anew with each of its scans. */
    @Override
    public Duration longestWait(Duration timeout) {
        return timeout.plusSeconds(6);
    }

    /** What Spring Integration needs around a flow. */
    @Configuration(proxyBeanMethods = false)
    @EnableIntegration
    static class Infrastructure {}

    /** An application context as a member. */
    private record ContextMember(
            AnnotationConfigApplicationContext context,
            KafkaMessageListenerContainer<String, ScanEvent> container,
            DefaultKafkaProducerFactory<String, String> producers)
            implements Member {

        @Override
        public int partitions() {
            Collection<TopicPartition> assigned = container.getAssignedPartitions();
            return assigned == null ? 0 : assigned.size();
        }

        @Override
        public void close() {
            context.close();
            producers.destroy();
        }
    }
}
