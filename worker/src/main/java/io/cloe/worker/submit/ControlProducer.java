package io.cloe.worker.submit;

import io.cloe.schemas.ModelAssignment;
import io.cloe.schemas.ReprocessCampaign;
import io.cloe.schemas.serde.RecordSerde;
import io.cloe.worker.kafka.ClientSettings;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.serialization.StringSerializer;

/** Sends campaigns and model assignments, and waits until the brokers have them. */
public final class ControlProducer implements AutoCloseable {

    private final Producer<String, SpecificRecord> producer;
    private final ClientSettings settings;

    /** Connects when first used. */
    public ControlProducer(ClientSettings settings) {
        this.settings = settings;
        Map<String, Object> producerSettings = settings.producer();
        producerSettings.put(ProducerConfig.ACKS_CONFIG, "all");
        producerSettings.putIfAbsent(ProducerConfig.MAX_BLOCK_MS_CONFIG, 15_000);
        RecordSerde<ReprocessCampaign> campaigns = RecordSerde.of(ReprocessCampaign.class);
        RecordSerde<ModelAssignment> assignments = RecordSerde.of(ModelAssignment.class);
        producer = new KafkaProducer<>(
                producerSettings,
                new StringSerializer(),
                (topic, record) -> record instanceof ReprocessCampaign campaign
                        ? campaigns.serialize(topic, campaign)
                        : assignments.serialize(topic, (ModelAssignment) record));
    }

    /** Partitions that a campaign has to reach. */
    public int partitions() {
        return producer.partitionsFor(settings.topics().reprocessCampaigns()).size();
    }

    /**
     * Sends a campaign to every partition. If that fails half-way, sending it once more completes it.
     *
     * @throws KafkaException if the brokers do not take it
     */
    public void send(ReprocessCampaign campaign) throws InterruptedException {
        int partitions = partitions();
        for (int partition = 0; partition < partitions; partition++) {
            send(new ProducerRecord<>(
                    settings.topics().reprocessCampaigns(), partition, campaign.getCampaignId(), campaign));
        }
    }

    /**
     * Says which model is live.
     *
     * @throws KafkaException if the brokers do not take it
     */
    public void send(ModelAssignment assignment) throws InterruptedException {
        send(new ProducerRecord<>(settings.topics().modelAssignments(), assignment.getFamily(), assignment));
    }

    private void send(ProducerRecord<String, SpecificRecord> record) throws InterruptedException {
        try {
            producer.send(record).get();
        } catch (ExecutionException e) {
            throw new KafkaException("the record is not taken: " + e.getCause().getMessage(), e.getCause());
        }
    }

    @Override
    public void close() {
        producer.close();
    }
}
