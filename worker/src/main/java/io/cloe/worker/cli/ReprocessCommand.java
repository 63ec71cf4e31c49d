package io.cloe.worker.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.cloe.schemas.CampaignMode;
import io.cloe.schemas.CampaignOrder;
import io.cloe.schemas.CampaignOutput;
import io.cloe.schemas.ModelComparison;
import io.cloe.schemas.ReadyModel;
import io.cloe.schemas.ReprocessCampaign;
import io.cloe.schemas.Segmentation;
import io.cloe.worker.kafka.ClientSettings;
import io.cloe.worker.results.CampaignEstimate;
import io.cloe.worker.results.CampaignPicture;
import io.cloe.worker.results.CampaignReport;
import io.cloe.worker.results.CampaignSummary;
import io.cloe.worker.results.LatestRecords;
import io.cloe.worker.submit.ControlProducer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code cloe reprocess}. */
@Command(
        name = "reprocess",
        description = "Campaigns that run a model on studies that have a result.",
        mixinStandardHelpOptions = true,
        subcommands = {
            ReprocessCommand.Start.class,
            ReprocessCommand.DryRun.class,
            ReprocessCommand.ListCampaigns.class,
            ReprocessCommand.Pause.class,
            ReprocessCommand.Resume.class,
            ReprocessCommand.Cancel.class,
            ReprocessCommand.Report.class
        })
final class ReprocessCommand {

    /** Of each partition, for an estimate. */
    private static final int RESULTS_TO_LEARN_FROM = 50;

    private ReprocessCommand() {}

    /** A campaign that is to begin. */
    abstract static class Beginning extends NamedModelCommand {

        @Mixin
        CampaignOptions options;

        @Option(
                names = "--as-complete",
                description = "Uses all scans that ever arrived. Default: those of the result that stands.")
        boolean asComplete;

        final ReprocessCampaign campaign(ClientSettings client, CampaignOutput output) throws Exception {
            ReadyModel model = fitting(ModelsAtHand.read(client));
            CampaignMode mode = asComplete ? CampaignMode.AS_COMPLETE : CampaignMode.AS_DECIDED;
            return options.campaign(model.getModel(), mode, output, null);
        }
    }

    /** {@code cloe reprocess start}. */
    @Command(
            name = "start",
            description = "Runs a model on stored studies, below live work. Compares only, unless --publish is given.",
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class Start extends Beginning {

        @Option(names = "--publish", description = "Publishes each result as the next revision of its study.")
        private boolean publish;

        @Option(
                names = "--wait",
                description = "Shows the progress until the campaign is over. Exit code 1 if it was cancelled, or if"
                        + " studies failed.")
        private boolean waits;

        @Override
        public Integer call() throws Exception {
            ClientSettings client = settings.client();
            ReprocessCampaign campaign = CampaignOptions.start(
                    client, campaign(client, publish ? CampaignOutput.PUBLISH : CampaignOutput.SHADOW), this, json);
            return waits ? CampaignWatch.await(client, campaign, this, json) : ExitCode.OK;
        }
    }

    /** {@code cloe reprocess dry-run}. */
    @Command(
            name = "dry-run",
            description = "Counts the studies that a campaign would run on; runs nothing.",
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class DryRun extends Beginning {

        @Override
        public Integer call() throws Exception {
            ClientSettings client = settings.client();
            ReprocessCampaign campaign = CampaignOptions.send(client, campaign(client, CampaignOutput.COUNT));
            long selected = CampaignWatch.follow(client, campaign, this, true).selected();
            List<Segmentation> last = LatestRecords.last(
                    client, client.topics().segmentations(), Segmentation.class, RESULTS_TO_LEARN_FROM);
            CampaignEstimate estimate = CampaignEstimate.of(
                    selected,
                    last,
                    ModelsAtHand.read(client).workers().size(),
                    Optional.ofNullable(campaign.getRatePerMinute()));
            print(json ? estimate.json() : estimate.text());
            return ExitCode.OK;
        }
    }

    /** {@code cloe reprocess list}. */
    @Command(
            name = "list",
            description = "All campaigns: where they stand, how far they are, what they wait for.",
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class ListCampaigns extends WorkerCommand {

        @Option(names = "--json", description = "One JSON object per campaign.")
        private boolean json;

        @Override
        public Integer call() throws Exception {
            Map<String, CampaignSummary> campaigns = CampaignWatch.progress(settings.client());
            if (campaigns.isEmpty() && !json) {
                print("no campaigns");
            }
            campaigns.forEach((id, summary) ->
                    print(json ? summary.json() : id + "  " + summary.title() + "  " + summary.line()));
            return ExitCode.OK;
        }
    }

    /** An order to a campaign. */
    abstract static class Order extends WorkerCommand {

        @Parameters(paramLabel = "CAMPAIGN", description = "Name of the campaign, as 'start' and 'list' show it.")
        String campaignId;

        @Option(names = "--json", description = "As a JSON object.")
        boolean json;

        private final CampaignOrder order;

        Order(CampaignOrder order) {
            this.order = order;
        }

        @Override
        public Integer call() throws Exception {
            ClientSettings client = settings.client();
            Map<String, ReprocessCampaign> campaigns =
                    LatestRecords.of(client, client.topics().reprocessCampaigns(), ReprocessCampaign.class);
            ReprocessCampaign campaign = campaigns.get(campaignId);
            if (campaign == null) {
                throw new UserErrorException("no campaign " + campaignId + "; allowed: what 'reprocess list' shows");
            }
            CampaignSummary summary = CampaignWatch.progress(client).get(campaignId);
            if (summary != null && summary.isOver(campaign.getPartitions())) {
                throw new UserErrorException("the campaign " + campaignId + " is over: " + summary.line());
            }
            try (ControlProducer producer = new ControlProducer(client)) {
                producer.send(paced(
                        ReprocessCampaign.newBuilder(campaign).setOrder(order).build()));
            }
            print(
                    json
                            ? JsonNodeFactory.instance
                                    .objectNode()
                                    .put("campaign", campaignId)
                                    .put("order", order.name())
                            : "campaign " + campaignId + ": " + order + " ordered");
            return ExitCode.OK;
        }

        ReprocessCampaign paced(ReprocessCampaign campaign) throws UserErrorException {
            return campaign;
        }
    }

    /** {@code cloe reprocess pause}. */
    @Command(
            name = "pause",
            description = "Starts no more studies; those at work end.",
            mixinStandardHelpOptions = true)
    static final class Pause extends Order {
        Pause() {
            super(CampaignOrder.PAUSE);
        }
    }

    /** {@code cloe reprocess resume}. */
    @Command(
            name = "resume",
            description = "Goes on where it was paused, or goes on faster or slower.",
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class Resume extends Order {

        @Mixin
        private PaceOptions pace;

        Resume() {
            super(CampaignOrder.RUN);
        }

        @Override
        ReprocessCampaign paced(ReprocessCampaign campaign) throws UserErrorException {
            return ReprocessCampaign.newBuilder(campaign)
                    .setRatePerMinute(pace.rate().orElse(campaign.getRatePerMinute()))
                    .setConcurrency(pace.concurrency().orElse(campaign.getConcurrency()))
                    .build();
        }
    }

    /** {@code cloe reprocess cancel}. */
    @Command(
            name = "cancel",
            description = "Ends a campaign for good, and gives up what is at work. What was published stays.",
            mixinStandardHelpOptions = true)
    static final class Cancel extends Order {
        Cancel() {
            super(CampaignOrder.CANCEL);
        }
    }

    /** {@code cloe reprocess report}. */
    @Command(
            name = "report",
            description = "What a campaign found: Dice per region, volumes, flags, the studies that changed most.",
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class Report extends WorkerCommand {

        @Parameters(
                paramLabel = "CAMPAIGN",
                arity = "0..1",
                description = "Name of the campaign. Default: the one that compared last.")
        private String campaignId;

        @Option(names = "--svg", paramLabel = "FILE", description = "Also writes histograms of Dice as a picture.")
        private Path svg;

        @Option(
                names = "--page",
                paramLabel = "URL",
                defaultValue = "",
                description = "Address of the review page, to link studies to.")
        private String page;

        @Option(names = "--json", description = "As a JSON object.")
        private boolean json;

        @Override
        public Integer call() throws Exception {
            ClientSettings client = settings.client();
            List<ModelComparison> all =
                    LatestRecords.all(client, client.topics().modelComparisons(), ModelComparison.class);
            String wanted = campaignId == null ? last(all) : campaignId;
            List<ModelComparison> comparisons = all.stream()
                    .filter(comparison -> comparison.getCampaignId().equals(wanted))
                    .toList();
            if (comparisons.isEmpty()) {
                throw new UserErrorException(
                        "no comparisons of a campaign " + wanted + " so far; see 'reprocess list'");
            }
            print(
                    json
                            ? CampaignReport.json(comparisons, page)
                            : CampaignReport.text(comparisons, page).stripTrailing());
            if (svg != null) {
                Files.writeString(svg, CampaignPicture.svg(comparisons));
            }
            return ExitCode.OK;
        }

        private static String last(List<ModelComparison> comparisons) throws UserErrorException {
            return comparisons.stream()
                    .max(Comparator.comparing(ModelComparison::getComparedAt))
                    .map(ModelComparison::getCampaignId)
                    .orElseThrow(() -> new UserErrorException("no campaign has compared a study so far"));
        }
    }
}
