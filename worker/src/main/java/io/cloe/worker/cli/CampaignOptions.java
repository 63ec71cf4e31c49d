package io.cloe.worker.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.cloe.schemas.CampaignMode;
import io.cloe.schemas.CampaignOrder;
import io.cloe.schemas.CampaignOutput;
import io.cloe.schemas.CampaignSelection;
import io.cloe.schemas.ModelReference;
import io.cloe.schemas.ReprocessCampaign;
import io.cloe.worker.kafka.ClientSettings;
import io.cloe.worker.submit.ControlProducer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.apache.kafka.common.KafkaException;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Which studies a campaign is for, and how fast it goes. */
final class CampaignOptions {

    /** The whole selection is stored with every step of the campaign. */
    static final int USUAL_CONCURRENCY = 8;

    private static final int MOST_IDS = 1_000;

    @Option(names = "--study", paramLabel = "ID", description = "Only these studies. Repeatable; up to 1000.")
    private List<String> studies = new ArrayList<>();

    @Option(
            names = "--from",
            paramLabel = "TIME",
            description = "Only results published then or later: a time such as 2026-11-26T08:00:00Z, or an age such as"
                    + " 30d.")
    private String from;

    @Option(
            names = "--before",
            paramLabel = "TIME",
            description = "Only results published before then, given in the same way.")
    private String before;

    @Option(
            names = "--older-than",
            paramLabel = "VERSION",
            description = "Only results of a model version before this one.")
    private String olderThan;

    @Option(names = "--flag", description = "Only results with this review flag.")
    private String flag;

    @Option(names = "--site", description = "Only studies whose events had this attribute site.")
    private String site;

    @Mixin
    private PaceOptions pace = new PaceOptions();

    ReprocessCampaign campaign(ModelReference model, CampaignMode mode, CampaignOutput output, Double liveShare)
            throws UserErrorException {
        if (studies.size() > MOST_IDS) {
            throw new UserErrorException(studies.size() + " times --study; allowed: up to " + MOST_IDS);
        }
        Instant now = Instant.now();
        Instant first = TimeOption.parseIfGiven("--from", from, now).orElse(null);
        Instant end = TimeOption.parseIfGiven("--before", before, now).orElse(null);
        if (first != null && end != null && !first.isBefore(end)) {
            throw new UserErrorException("--from must be before --before");
        }
        return ReprocessCampaign.newBuilder()
                .setCampaignId(UUID.randomUUID().toString().substring(0, 8))
                .setOrder(CampaignOrder.RUN)
                .setModel(model)
                .setSelection(new CampaignSelection(studies, first, end, olderThan, flag, site))
                .setMode(mode)
                .setOutput(output)
                .setLiveShare(liveShare)
                .setRatePerMinute(pace.rate().orElse(null))
                .setConcurrency(pace.concurrency().orElse(USUAL_CONCURRENCY))
                .setPartitions(1)
                .setCreatedAt(now)
                .build();
    }

    /** Sends a new campaign and says its name. */
    static ReprocessCampaign start(
            ClientSettings client, ReprocessCampaign campaign, WorkerCommand command, boolean json)
            throws InterruptedException {
        ReprocessCampaign shared = send(client, campaign);
        command.print(
                json
                        ? JsonNodeFactory.instance.objectNode().put("campaign", shared.getCampaignId())
                        : "campaign " + shared.getCampaignId());
        return shared;
    }

    /** Sends a new campaign to every partition. */
    static ReprocessCampaign send(ClientSettings client, ReprocessCampaign campaign) throws InterruptedException {
        try (ControlProducer producer = new ControlProducer(client)) {
            ReprocessCampaign shared = ReprocessCampaign.newBuilder(campaign)
                    .setPartitions(producer.partitions())
                    .build();
            try {
                producer.send(shared);
            } catch (KafkaException e) {
                String id = shared.getCampaignId();
                throw new KafkaException(
                        e.getMessage() + "; campaign " + id + " may have begun in some partitions: 'reprocess resume "
                                + id + "' lets it begin in all, 'reprocess cancel " + id + "' ends it",
                        e);
            }
            return shared;
        }
    }
}
