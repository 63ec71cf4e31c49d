package io.cloe.worker.cli;

import io.cloe.schemas.ReprocessCampaign;
import io.cloe.schemas.ReprocessProgress;
import io.cloe.worker.kafka.ClientSettings;
import io.cloe.worker.results.CampaignSummary;
import io.cloe.worker.results.LatestRecords;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** Watches campaigns by what is told of them. */
final class CampaignWatch {

    private CampaignWatch() {}

    /** How far each campaign is, the oldest first. */
    static Map<String, CampaignSummary> progress(ClientSettings client) {
        return CampaignSummary.byCampaign(
                LatestRecords.of(client, client.topics().reprocessProgress(), ReprocessProgress.class)
                        .values());
    }

    /**
     * Waits until a campaign is over, and shows how far it is meanwhile.
     *
     * @throws UserErrorException if no study fitted
     */
    static CampaignSummary follow(
            ClientSettings client, ReprocessCampaign campaign, WorkerCommand command, boolean quiet)
            throws UserErrorException, InterruptedException {
        LiveLine line = new LiveLine(command.spec.commandLine().getOut());
        while (true) {
            CampaignSummary summary =
                    progress(client).getOrDefault(campaign.getCampaignId(), new CampaignSummary(List.of()));
            if (!quiet) {
                line.show(summary.line());
            }
            if (summary.isOver(campaign.getPartitions())) {
                line.end();
                if (summary.selected() == 0) {
                    throw new UserErrorException(CampaignSummary.NOTHING_FITS);
                }
                return summary;
            }
            TimeUnit.SECONDS.sleep(1);
        }
    }

    /**
     * As {@link #follow}, and says how it ended.
     *
     * @return exit code
     */
    static int await(ClientSettings client, ReprocessCampaign campaign, WorkerCommand command, boolean json)
            throws UserErrorException, InterruptedException {
        CampaignSummary summary = follow(client, campaign, command, json);
        if (json) {
            command.print(summary.json());
        }
        Optional<String> shortfall = summary.shortfall();
        shortfall.ifPresent(command::complain);
        return shortfall.isEmpty() ? ExitCode.OK : ExitCode.FAILED;
    }
}
